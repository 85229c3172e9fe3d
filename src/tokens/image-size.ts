import { decodeBase64 } from '../util/base64.js';

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A JPEG's size follows its metadata; a preview image in it is seldom larger than this. */
const JPEG_CHARS = 96 * 1024;

/** The size declared in a data URL's image; `undefined` for anything else, or for an unknown format. */
export function imageSizeOf(url: string): ImageSize | undefined {
  const comma = url.slice(0, 100).indexOf(',');
  if (!/^data:image\/[\w.+-]+;base64,/i.test(url.slice(0, comma + 1))) return undefined;
  const start = bytesOf(url.slice(comma + 1, comma + 65));
  const size =
    start.byteLength > 0 && start.getUint8(0) === 0xff
      ? jpeg(url, comma + 1)
      : (png(start) ?? gif(start) ?? webp(start));
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

function png(bytes: DataView): ImageSize | undefined {
  if (bytes.byteLength < 24 || ascii(bytes, 1, 4) !== 'PNG') return undefined;
  return { width: bytes.getUint32(16), height: bytes.getUint32(20) };
}

function gif(bytes: DataView): ImageSize | undefined {
  if (bytes.byteLength < 10 || ascii(bytes, 0, 3) !== 'GIF') return undefined;
  return { width: bytes.getUint16(6, true), height: bytes.getUint16(8, true) };
}

function webp(bytes: DataView): ImageSize | undefined {
  if (bytes.byteLength < 30 || ascii(bytes, 8, 12) !== 'WEBP') return undefined;
  switch (ascii(bytes, 12, 16)) {
    case 'VP8 ':
      return { width: bytes.getUint16(26, true) & 0x3fff, height: bytes.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: uint24(bytes, 24) + 1, height: uint24(bytes, 27) + 1 };
    default:
      return undefined;
  }
}

/** Skips segments until the one with the size. */
function jpeg(url: string, from: number): ImageSize | undefined {
  const bytes = bytesOf(url.slice(from, from + JPEG_CHARS));
  let at = 2;
  while (at + 9 < bytes.byteLength && bytes.getUint8(at) === 0xff) {
    const marker = bytes.getUint8(at + 1);
    // Start of frame, in its variants; the others of this range are tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: bytes.getUint16(at + 7), height: bytes.getUint16(at + 5) };
    at += marker === 0xff ? 1 : 2 + bytes.getUint16(at + 2);
  }
  return undefined;
}

function bytesOf(base64: string): DataView {
  return new DataView(decodeBase64(base64).buffer);
}

function ascii(bytes: DataView, from: number, to: number): string {
  return String.fromCharCode(...new Uint8Array(bytes.buffer, from, to - from));
}

/** Little-endian. */
function uint24(bytes: DataView, at: number): number {
  return bytes.getUint16(at, true) | (bytes.getUint8(at + 2) << 16);
}
