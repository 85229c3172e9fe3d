import type { ServerResponse } from 'node:http';
import type { Player, Sink } from './player.js';

/** Plays a timeline to a socket. */
export class ServerSink implements Sink {
  readonly #response: ServerResponse;
  #unsent = 0;
  #whenSent: (() => void) | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  play(player: Player): void {
    this.#response.on('drain', () => player.resume());
    this.#response.on('close', () => player.abandon());
    player.resume();
  }

  headers(status: number, headers: Readonly<Record<string, string>>): void {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
  }

  chunk(data: string | Uint8Array): boolean {
    this.#unsent += 1;
    return this.#response.write(data, () => {
      this.#unsent -= 1;
      if (this.#unsent === 0) this.#whenSent?.();
    });
  }

  end(): void {
    this.#response.end();
  }

  /** Earlier data must be sent first, or it would be lost with the socket. */
  destroy(how: 'close' | 'reset'): void {
    const { socket } = this.#response;
    this.#whenSent = () => {
      if (how === 'reset') socket?.resetAndDestroy();
      else socket?.destroy();
    };
    if (this.#unsent === 0) this.#whenSent();
  }
}
