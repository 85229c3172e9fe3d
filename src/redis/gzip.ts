import { decodeBase64, encodeBase64 } from '../util/base64.js';

/** Answers above this many characters are compressed, if the platform can. */
const MIN_LENGTH = 4096;
const GZIP = 'z';
const PLAIN = 't';

/** Converts text for storage: long text is compressed, and marked. */
export async function pack(text: string): Promise<string> {
  if (text.length <= MIN_LENGTH || typeof CompressionStream === 'undefined') return PLAIN + text;
  const bytes = new Uint8Array(await through(new CompressionStream('gzip'), new TextEncoder().encode(text)));
  return GZIP + encodeBase64(bytes);
}

/** `undefined` for another format. */
export async function unpack(packed: string): Promise<string | undefined> {
  if (packed.startsWith(PLAIN)) return packed.slice(1);
  if (!packed.startsWith(GZIP) || typeof DecompressionStream === 'undefined') return undefined;
  const bytes = await through(new DecompressionStream('gzip'), decodeBase64(packed.slice(1)));
  return new TextDecoder().decode(bytes);
}

function through(
  stream: CompressionStream | DecompressionStream,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer();
}
