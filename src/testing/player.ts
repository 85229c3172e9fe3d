import type { RequestOutcome } from './recorder.js';
import type { Step } from './step.js';

/** The target of a timeline: a socket, or the body of a `Response`. */
export interface Sink {
  headers(status: number, headers: Readonly<Record<string, string>>): void;
  /** Returns whether it can take more at once; if not, it calls the player's `resume` when it can. */
  chunk(data: string | Uint8Array): boolean;
  end(): void;
  destroy(how: 'close' | 'reset'): void;
}

/** Gets the progress of a playback. */
interface Witness {
  status(status: number): void;
  over(outcome: Exclude<RequestOutcome, 'open'>): void;
}

/** Plays one timeline. It has at most one timer, and none once it has ended or was stopped. */
export class Player {
  readonly #steps: Iterator<Step>;
  readonly #sink: Sink;
  readonly #witness: Witness;
  #state: 'playing' | 'paused' | 'waiting' | 'hanging' | 'over' = 'paused';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #status = 0;

  constructor(steps: Iterator<Step>, sink: Sink, witness: Witness) {
    this.#steps = steps;
    this.#sink = sink;
    this.#witness = witness;
  }

  /** Starts, or continues after a full sink paused it. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'playing';
    while (this.#state === 'playing') this.#next();
  }

  /** The client has disconnected. */
  abandon(): void {
    this.#over('aborted');
  }

  /** Ends the timeline like a server that is switched off. */
  cut(): void {
    if (this.#over('cut')) this.#sink.destroy('close');
  }

  #next(): void {
    const { value: step, done } = this.#steps.next();
    if (done) {
      this.#state = 'hanging';
      return;
    }
    switch (step.type) {
      case 'wait':
        this.#state = 'waiting';
        this.#timer = setTimeout(() => {
          this.#state = 'paused';
          this.resume();
        }, step.ms);
        break;
      case 'headers':
        this.#status = step.status;
        this.#witness.status(step.status);
        this.#sink.headers(step.status, step.headers);
        break;
      case 'chunk':
        if (!this.#sink.chunk(step.data) && this.#state === 'playing') this.#state = 'paused';
        break;
      case 'end':
        if (this.#over(this.#status >= 400 ? 'failed' : 'answered')) this.#sink.end();
        break;
      case 'destroy':
        if (this.#over('cut')) this.#sink.destroy(step.how);
        break;
      case 'hang':
        this.#state = 'hanging';
        break;
    }
  }

  /** Returns true the first time. */
  #over(outcome: Exclude<RequestOutcome, 'open'>): boolean {
    if (this.#state === 'over') return false;
    clearTimeout(this.#timer);
    this.#state = 'over';
    this.#witness.over(outcome);
    return true;
  }
}
