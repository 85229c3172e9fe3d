import { parseJson } from '../util/parse-json.js';

const END_MARK = /^data: ?\[DONE\]/m;
/** Larger than any error that is sent instead of a stream. */
const MAX_JSON_BYTES = 64 * 1024;
const BLANKS: ReadonlySet<number> = new Set([9, 10, 13, 32]);
const [BRACE, BRACKET] = [0x7b, 0x5b];

/** What was read of an event stream's body: how much, and whether its last lines contain the end mark. */
export class BytesRead {
  count = 0;
  #last: Uint8Array | undefined;
  #before: Uint8Array | undefined;
  /** The parts of a body that starts as JSON; `undefined` once it is known not to be JSON. */
  #jsonParts: Uint8Array[] | undefined = [];

  add(bytes: Uint8Array): void {
    this.count += bytes.byteLength;
    if (this.#jsonParts !== undefined)
      this.#jsonParts = this.count <= MAX_JSON_BYTES ? withJson(this.#jsonParts, bytes) : undefined;
    this.#before = this.#last;
    this.#last = bytes;
  }

  get doneSeen(): boolean {
    return END_MARK.test(tail(this.#before) + tail(this.#last));
  }

  /** The parsed body if the server sent JSON instead of events; else `undefined`. */
  get json(): unknown {
    return this.#jsonParts === undefined ? undefined : parsed(this.#jsonParts);
  }
}

export interface ObservedBody {
  /** To be read instead of the original response. */
  readonly response: Response;
  /** `undefined` for a body that cannot be observed. */
  readonly bytes: BytesRead | undefined;
}

/** Observes a body while the SDK reads it. Costs one call per read, and no copy. */
export function observeBody(response: Response): ObservedBody {
  const { body, headers } = response;
  if (body === null || typeof body.getReader !== 'function') return { response, bytes: undefined };
  const bytes = new BytesRead();
  // The only parts of a response that the SDK reads.
  return { response: { body: observedBy(bytes, body), headers } as unknown as Response, bytes };
}

/** The SDK's stream refers to the body after its end too: the last bytes that were read are not kept with it. */
function observedBy(observer: BytesRead, body: ReadableStream<Uint8Array>): object {
  let bytes: BytesRead | undefined = observer;
  const note = ({ value }: { value?: Uint8Array | undefined }) => {
    if (value !== undefined) bytes?.add(value);
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
      releaseLock() {
        bytes = undefined;
        reader.releaseLock();
      },
    };
  };
  return { getReader, cancel: () => body.cancel() };
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
