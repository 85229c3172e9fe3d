export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A JPEG's size stands behind its metadata; a preview picture in there is seldom larger than this. */
const JPEG_CHARS = 96 * 1024;

/** The size that a data URL's image says it has; `undefined` for what is not one, or not of a known kind. */
export function imageSizeOf(url: string): ImageSize | undefined {
  const comma = url.slice(0, 100).indexOf(',');
  if (!/^data:image\/[\w.+-]+;base64,/i.test(url.slice(0, comma + 1))) return undefined;
  const start = Buffer.from(url.slice(comma + 1, comma + 65), 'base64');
  const size = start[0] === 0xff ? jpeg(url, comma + 1) : (png(start) ?? gif(start) ?? webp(start));
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

function png(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 24 || bytes.toString('latin1', 1, 4) !== 'PNG') return undefined;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

function gif(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 10 || bytes.toString('latin1', 0, 3) !== 'GIF') return undefined;
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
}

function webp(bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 30 || bytes.toString('latin1', 8, 12) !== 'WEBP') return undefined;
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}

/** Goes from segment to segment until the one that has the size. */
function jpeg(url: string, from: number): ImageSize | undefined {
  const bytes = Buffer.from(url.slice(from, from + JPEG_CHARS), 'base64');
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    // Start of frame, in its variants; the others of this range are tables.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
