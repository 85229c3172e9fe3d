import { patientTimer } from '../util/patient-timer.js';
import { MAX_ERROR_CHARS } from './redact.js';

/** How long an error answer may be silent. */
const MAX_SILENCE_MS = 2000;

/**
 * Cuts the text of an error answer after 64 KiB, and where nothing comes for two seconds: its status is known, so an
 * endless or unfinished body must not use up the time of the next deployment. The SDK reads such an answer only as text.
 * Other answers are returned unchanged.
 */
export function limitErrorBody(response: Response): Response {
  if (response.ok || !(response instanceof Response) || response.body === null) return response;
  const { body } = response;
  return Object.defineProperty(response, 'text', { value: () => firstText(body), configurable: true });
}

async function firstText(body: ReadableStream<Uint8Array>): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let left = MAX_ERROR_CHARS; left > 0; ) {
    const read = await readSoon(reader);
    if (read === undefined) break;
    if (read.done) return text + decoder.decode();
    text += decoder.decode(read.value.subarray(0, left), { stream: true });
    left -= read.value.byteLength;
  }
  reader.cancel().catch(() => undefined);
  return text;
}

/** The next bytes; `undefined` after a long silence. */
function readSoon(reader: ReadableStreamDefaultReader<Uint8Array>) {
  return new Promise<Awaited<ReturnType<typeof reader.read>> | undefined>((resolve, reject) => {
    const timer = patientTimer(MAX_SILENCE_MS, () => resolve(undefined));
    reader
      .read()
      .then(resolve, reject)
      .finally(() => timer.clear());
  });
}
