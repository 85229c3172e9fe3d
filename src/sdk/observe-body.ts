import { parseJson } from '../util/parse-json.js';

const END_MARK = /^data: ?\[DONE\]/m;
/** Larger than any error that is sent instead of a stream. */
const MAX_JSON_BYTES = 64 * 1024;
const BLANKS: ReadonlySet<number> = new Set([9, 10, 13, 32]);
const [BRACE, BRACKET] = [0x7b, 0x5b];

/** Observations of a body while it is read. */
export interface ObservedBody {
  /** To be read instead of the original response. */
  readonly response: Response;
  readonly doneSeen: () => boolean | undefined;
  readonly bytesRead: () => number;
  /** The parsed body if the server sent JSON instead of events; else `undefined`. */
  readonly json: () => unknown;
}

/**
 * Observes an event stream's body while the SDK reads it: how much has come, and whether its last lines contain the end
 * mark. Costs one call per read, and no copy.
 */
export function observeBody(response: Response): ObservedBody {
  const { body } = response;
  if (body === null || typeof body.getReader !== 'function') {
    return { response, doneSeen: () => undefined, bytesRead: () => 0, json: () => undefined };
  }
  let bytes = 0;
  let last: Uint8Array | undefined;
  let before: Uint8Array | undefined;
  /** The parts of a body that starts as JSON; `undefined` once it is known not to be JSON. */
  let jsonParts: Uint8Array[] | undefined = [];
  const note = ({ value }: { value?: Uint8Array | undefined }) => {
    if (value === undefined) return;
    bytes += value.byteLength;
    if (jsonParts !== undefined) jsonParts = bytes <= MAX_JSON_BYTES ? withJson(jsonParts, value) : undefined;
    before = last;
    last = value;
  };
  const getReader = () => {
    const reader = body.getReader();
    return {
      read() {
        const reading = reader.read();
        // Beside the SDK's own reaction to the same promise, which is not delayed.
        reading.then(note, ignore);
        return reading;
      },
      cancel: (reason?: unknown) => reader.cancel(reason),
      releaseLock: () => reader.releaseLock(),
    };
  };
  return {
    // The only parts of a response that the SDK reads.
    response: { body: { getReader, cancel: () => body.cancel() }, headers: response.headers } as unknown as Response,
    doneSeen: () => END_MARK.test(tail(before) + tail(last)),
    bytesRead: () => bytes,
    json: () => (jsonParts === undefined ? undefined : parsed(jsonParts)),
  };
}

/** Adds the next part, unless the first one shows that the body is not JSON. */
function withJson(parts: Uint8Array[], next: Uint8Array): Uint8Array[] | undefined {
  if (parts.length > 0) return [...parts, next];
  const first = next.find((byte) => !BLANKS.has(byte));
  if (first === undefined) return parts;
  return first === BRACE || first === BRACKET ? [next] : undefined;
}

function parsed(parts: readonly Uint8Array[]): unknown {
  const decoder = new TextDecoder();
  return parseJson(parts.map((part) => decoder.decode(part, { stream: true })).join(''));
}

/** The mark is at the end of the read bytes, possibly split. */
function tail(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}

function ignore(): void {}
