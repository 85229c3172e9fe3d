/** The bytes of a base64 or base64url text. Ignores other characters, like Node's `Buffer`. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const clean = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replaceAll(/[^A-Za-z0-9+/]/g, '');
  // A single character at the end is not a whole byte, and `atob` would throw.
  const binary = atob(clean.length % 4 === 1 ? clean.slice(0, -1) : clean);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  // In pieces: each byte is an argument, and the engine limits their number.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}
