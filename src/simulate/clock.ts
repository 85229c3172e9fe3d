/** The replaced functions. Immediates and microtasks stay real, so that promises work as usual. */
const REPLACED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] as const;

/** Set on the replaced `setTimeout`, so that every copy of this file recognises virtual time. */
const OURS = Symbol.for('model-router.virtual-time');

/** The parts of `@sinonjs/fake-timers` that this file uses. */
interface FakeTimers {
  countTimers(): number;
  next(): number;
  tick(ms: number): number;
  uninstall(): void;
}

/** Time that stands still until it moves from one timer to the next. `performance.now()` starts at 0. */
export class VirtualClock {
  readonly #timers: FakeTimers;
  readonly #immediate: typeof setImmediate;

  constructor(timers: FakeTimers, immediate: typeof setImmediate) {
    this.#timers = timers;
    this.#immediate = immediate;
  }

  /** The number of active timers and intervals. */
  get timers(): number {
    return this.#timers.countTimers();
  }

  /** Runs everything that needs no time. */
  flush(): Promise<void> {
    return new Promise((resolve) => this.#immediate(resolve));
  }

  /** Advances to the next timer, fires only that one, and runs everything that follows from it. */
  step(): Promise<void> {
    this.#timers.next();
    return this.flush();
  }

  /** Fires all other timers that are due at this very moment: what ends at one moment ends together. */
  async finishMoment(): Promise<void> {
    for (let before = -1; before !== this.timers; ) {
      before = this.timers;
      this.#timers.tick(0);
      await this.flush();
    }
  }

  /** Advances the clock by `ms` milliseconds. */
  async pass(ms: number): Promise<void> {
    const end = performance.now() + ms;
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, ms);
    while (!isOver && performance.now() <= end) await this.step();
  }
}

/**
 * Runs `work` in virtual time: the timers, `Date` and `performance` of this process are replaced until it ends or
 * throws. Create routers inside, so that they use this clock. Needs `@sinonjs/fake-timers`.
 *
 * @throws Error where timers are replaced already, or `@sinonjs/fake-timers` is not installed
 */
export async function inVirtualTime<T>(work: (clock: VirtualClock) => T | Promise<T>): Promise<T> {
  refuseOtherClocks();
  const install = await loadInstall();
  // Checked again, because another one may have started while the package was loaded.
  refuseOtherClocks();
  const timers = install({ now: Date.UTC(2030, 0, 1), toFake: [...REPLACED] });
  Object.defineProperty(setTimeout, OURS, { value: true });
  try {
    return await work(new VirtualClock(timers, setImmediate));
  } finally {
    timers.uninstall();
  }
}

function refuseOtherClocks(): void {
  if (OURS in setTimeout) {
    throw new Error('Time is virtual already: another simulation runs in this process. Await it before the next one.');
  }
  // sinon's and vitest's fake timers expose their clock, node:test marks its Date, and jest's old ones are mocks.
  if ('clock' in setTimeout || 'isFake' in Date || 'isMock' in Date || '_isMockFunction' in setTimeout) {
    throw new Error(
      'Timers are replaced already, and a simulation replaces them itself: end the fake timers first, by vi.useRealTimers(), clock.uninstall() or mock.timers.reset().',
    );
  }
}

async function loadInstall(): Promise<(config: { now: number; toFake: (typeof REPLACED)[number][] }) => FakeTimers> {
  try {
    const { install } = await import('@sinonjs/fake-timers');
    return install;
  } catch (error) {
    throw new Error(
      'Virtual time needs the package @sinonjs/fake-timers, which could not be loaded: npm install --save-dev @sinonjs/fake-timers',
      { cause: error },
    );
  }
}
