import type { Player, Sink } from './player.js';
import { toBytes } from './step.js';

interface FetchCall {
  readonly url: string;
  readonly resolve: (response: Response) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** Statuses whose responses have no body. */
const bodiless = new Set([204, 205, 304]);

/** The number of bytes that an unread connection accepts. */
const mostUnread = 64 * 1024;

/** Plays a timeline as `fetch` reports it: a promise of a `Response`, then its body. */
export class FetchSink implements Sink {
  readonly #call: FetchCall;
  #player: Player | undefined;
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;
  readonly #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #isWanted = false;
  /** How the body ends after its last byte is read. */
  #ending: { readonly error?: Error } | undefined;

  constructor(call: FetchCall) {
    this.#call = call;
  }

  play(player: Player): void {
    this.#player = player;
    this.#call.signal?.addEventListener('abort', this.#abort, { once: true });
    player.resume();
  }

  headers(status: number, headers: Readonly<Record<string, string>>): void {
    const body = bodiless.has(status)
      ? null
      : new ReadableStream<Uint8Array>(
          {
            start: (controller) => {
              this.#body = controller;
            },
            pull: () => {
              this.#isWanted = true;
              this.#hand();
            },
            cancel: () => {
              this.#player?.abandon();
              this.#forget();
            },
          },
          { highWaterMark: 0 },
        );
    const response = new Response(body, { status, headers });
    Object.defineProperty(response, 'url', { value: this.#call.url });
    this.#call.resolve(response);
  }

  chunk(data: string | Uint8Array): boolean {
    const bytes = toBytes(data);
    if (bytes.length > 0) {
      this.#unread.push(bytes);
      this.#unreadBytes += bytes.length;
      this.#hand();
    }
    return this.#unreadBytes < mostUnread;
  }

  end(): void {
    this.#ending = {};
    if (this.#body === undefined) this.#forget();
    else this.#hand();
  }

  destroy(how: 'close' | 'reset'): void {
    const cause =
      how === 'reset'
        ? Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read', errno: -104 })
        : Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    if (this.#body === undefined) {
      this.#forget();
      this.#call.reject(new TypeError('fetch failed', { cause }));
      return;
    }
    this.#ending = { error: new TypeError('terminated', { cause }) };
    this.#hand();
  }

  /** Delivers data to a waiting reader. */
  #hand(): void {
    const body = this.#body;
    if (body === undefined) return;
    const bytes = this.#isWanted ? this.#unread.shift() : undefined;
    if (bytes !== undefined) {
      this.#isWanted = false;
      this.#unreadBytes -= bytes.length;
      body.enqueue(bytes);
    }
    if (this.#unread.length === 0 && this.#ending !== undefined) {
      this.#forget();
      if (this.#ending.error === undefined) body.close();
      else body.error(this.#ending.error);
    } else if (this.#unreadBytes < mostUnread) {
      this.#player?.resume();
    }
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#call.signal?.reason;
    this.#player?.abandon();
    const body = this.#body;
    this.#forget();
    if (body === undefined) this.#call.reject(reason);
    else body.error(reason);
  };

  /** Nothing more will be delivered. */
  #forget(): void {
    this.#call.signal?.removeEventListener('abort', this.#abort);
    this.#unread.length = 0;
    this.#unreadBytes = 0;
    this.#body = undefined;
  }
}
