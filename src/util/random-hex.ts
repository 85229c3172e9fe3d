/** 128 random bits. Not `crypto.randomUUID`, which is missing on a page without TLS. */
export function randomHex(): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}
