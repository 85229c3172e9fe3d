/** 128 random bits. Not `crypto.randomUUID`, which a page without TLS does not have. */
export function randomHex(): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}
