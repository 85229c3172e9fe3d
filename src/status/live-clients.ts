const EVERY_MS = 2000;
const MAX_CLIENTS = 20;
/** A client that does not take this many events in a row counts as gone. */
const MAX_SKIPPED = 15;

interface Client {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  skipped: number;
}

/** Sends all viewers the same event, every 2 seconds. The timer runs only while there are viewers. */
export class LiveClients {
  readonly #clients = new Set<Client>();
  readonly #encoder = new TextEncoder();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `read` returns the data of an event; `undefined` ends all streams. */
  constructor(private readonly read: () => string | undefined) {}

  /** A stream of server-sent events; `undefined` if there are too many already. */
  open(): ReadableStream<Uint8Array> | undefined {
    if (this.#clients.size >= MAX_CLIENTS) return undefined;
    let client: Client | undefined;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        client = { controller, skipped: 0 };
        this.#clients.add(client);
        controller.enqueue(this.#event(this.read() ?? '{}'));
        if (this.#timer === undefined) {
          this.#timer = setInterval(() => this.#send(), EVERY_MS);
          // Viewers must not keep a process alive.
          if (typeof this.#timer === 'object') this.#timer.unref?.();
        }
      },
      cancel: () => {
        if (client !== undefined) this.#remove(client);
      },
    });
  }

  #send(): void {
    const data = this.read();
    const event = data === undefined ? undefined : this.#event(data);
    for (const client of [...this.#clients]) {
      const hasRoom = (client.controller.desiredSize ?? 0) > 0;
      client.skipped = hasRoom ? 0 : client.skipped + 1;
      if (event !== undefined && hasRoom) client.controller.enqueue(event);
      if (event === undefined || client.skipped > MAX_SKIPPED) {
        this.#remove(client);
        client.controller.close();
      }
    }
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #event(data: string): Uint8Array {
    return this.#encoder.encode(`data: ${data}\n\n`);
  }
}
