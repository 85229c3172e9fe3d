/** Shorter strings are counted as text, because hashes, keys and names look like base64 too. */
const SHORTEST = 512;
const WINDOW = 48;
const WINDOWS = 12;
const ALPHABET = /^[A-Za-z0-9+/_=-]+$/;

export interface Encoded {
  /** `image/png` from a data URL, in lower case; `undefined` if the string has none. */
  readonly mediaType: string | undefined;
  /** The size of the encoded data. */
  readonly bytes: number;
}

/**
 * The content of a string that is a `data:` URL or base64 from end to end; `undefined` for text. It reads only samples,
 * so a file of many megabytes costs no more than a short one.
 */
export function readEncoded(text: string): Encoded | undefined {
  if (isDataUrl(text)) {
    const comma = text.slice(0, 256).indexOf(',');
    const header = text.slice('data:'.length, comma).toLowerCase();
    const [mediaType] = header.split(';');
    const size = text.length - comma - 1;
    return { mediaType: mediaType || 'text/plain', bytes: header.endsWith(';base64') ? size * 0.75 : size };
  }
  return isBase64(text) ? { mediaType: undefined, bytes: text.length * 0.75 } : undefined;
}

function isDataUrl(text: string): boolean {
  // Most texts end here, and a body may have very many.
  const first = text.charCodeAt(0);
  if (first !== 0x64 && first !== 0x44) return false;
  return /^data:/i.test(text.slice(0, 5)) && text.slice(0, 256).includes(',');
}

/**
 * Reads windows spread over the whole text. Encoded bytes mix capitals, small letters and digits everywhere; words do
 * not.
 */
function isBase64(text: string): boolean {
  if (text.length < SHORTEST) return false;
  const step = (text.length - WINDOW) / (WINDOWS - 1);
  let mixed = 0;
  for (let i = 0; i < WINDOWS; i++) {
    const at = Math.floor(i * step);
    // MIME breaks base64 into lines.
    const piece = text.slice(at, at + WINDOW).replace(/\r?\n/g, '');
    if (!ALPHABET.test(piece)) return false;
    if (/[A-Z]/.test(piece) && /[a-z]/.test(piece) && /\d/.test(piece)) mixed++;
  }
  // Constant bytes produce runs of one letter.
  return mixed * 2 >= WINDOWS;
}
