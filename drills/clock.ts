import { type Clock, install } from '@sinonjs/fake-timers';

/** Held before anything is replaced: the one way to let all promises run that wait for nothing but each other. */
const realImmediate = setImmediate;

/** What a drill replaces. Immediates and microtasks stay real, so that promises run as they always do. */
const toFake = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] as const;

/** Time that stands still until it is moved from one timer to the next. `performance.now()` begins at 0. */
export class VirtualClock {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Timers and intervals that are set. */
  get timers(): number {
    return this.#clock.countTimers();
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return new Promise((resolve) => realImmediate(resolve));
  }

  /** Goes to the next timer, fires that one alone, and lets everything happen that follows from it. */
  step(): Promise<void> {
    this.#clock.next();
    return this.settle();
  }

  /** Fires what else is due at this very moment: what ends at one moment ends together. */
  async finishMoment(): Promise<void> {
    for (let before = -1; before !== this.timers; ) {
      before = this.timers;
      this.#clock.tick(0);
      await this.settle();
    }
  }

  /** Lets so many milliseconds pass. */
  async pass(ms: number): Promise<void> {
    const end = performance.now() + ms;
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, ms);
    while (!isOver && performance.now() <= end) await this.step();
  }
}

/** Runs `work` in virtual time. Routers must be made inside: what they read of a clock must be this one. */
export async function inVirtualTime<T>(work: (clock: VirtualClock) => Promise<T>): Promise<T> {
  const clock = install({ now: Date.UTC(2030, 0, 1), toFake: [...toFake] });
  try {
    return await work(new VirtualClock(clock));
  } finally {
    clock.uninstall();
  }
}
