import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import type { VirtualClock } from './clock.ts';
import { type Fleet, KEY, MAX_ATTEMPTS, openCalls, RETRY_TOKENS, upstreamCalls } from './fleet.ts';
import { count, hedgesOf, retriesInVain, type Settled } from './tally.ts';

export const PROMPT = 'a-prompt-that-must-not-leak';

/** What must hold whatever the upstreams do, checked as each call settles and when the last one has. */
export class Invariants {
  /** The latest that a call has settled after its deadline, in milliseconds of virtual time. */
  lateMs = 0;
  /** Violated invariants, in words, and how often. */
  readonly broken = new Map<string, number>();
  readonly #clock: VirtualClock;
  readonly #fleet: Fleet;
  readonly #timersBefore: number;
  readonly #upstreamBefore: number;
  readonly #stopListening: () => void;
  readonly #startedAt = performance.now();
  #settled = 0;
  #ended = 0;
  #attempts = 0;
  /** Attempts that take a token: hedges, and retries that do not succeed. */
  #extra = 0;

  constructor(clock: VirtualClock, fleet: Fleet) {
    this.#clock = clock;
    this.#fleet = fleet;
    this.#timersBefore = clock.timers - openBreakers(fleet);
    this.#upstreamBefore = upstreamCalls(fleet);
    this.#stopListening = fleet.router.on('call-ended', () => {
      this.#ended += 1;
    });
  }

  look({ tookMs, error, record }: Settled, text: string | undefined): void {
    this.#settled += 1;
    this.lateMs = Math.max(this.lateMs, tookMs - this.#fleet.deadlineMs);
    if (record === undefined) return this.#count('a call without a record');
    const { attempts, deployment } = record;
    this.#attempts += attempts.reduce((sum, { resends }) => sum + 1 + resends, 0);
    this.#extra += retriesInVain(attempts) + hedgesOf(attempts);
    if (attempts.length > MAX_ATTEMPTS) this.#count('more attempts than maxAttempts');
    if (attempts.some(({ outcome }) => outcome === 'pending')) this.#count('an attempt without an outcome');
    if (error !== undefined) return this.#lookAtError(error);
    if (text !== `This is an answer of ${deployment}.`) this.#count('an answer that is not the one of its deployment');
  }

  /** Called when the last call has settled. */
  lookAtTheEnd(calls: number, signal: AbortSignal): void {
    this.#stopListening();
    this.#expect(this.#settled, calls, 'calls that settled');
    this.#expect(this.#ended, calls, 'calls that ended once');
    this.#expect(
      this.#attempts,
      upstreamCalls(this.#fleet) - this.#upstreamBefore,
      'attempts in records, of upstream calls',
    );
    this.#expect(openCalls(this.#fleet), 0, 'upstream calls that still run');
    this.#expect(inFlight(this.#fleet), 0, 'attempts counted as in flight');
    this.#expect(
      this.#clock.timers - openBreakers(this.#fleet),
      this.#timersBefore,
      'timers, beside those of open breakers',
    );
    this.#expect(getEventListeners(signal, 'abort').length, 0, "listeners on the caller's signal");
    const seconds = (performance.now() - this.#startedAt) / 1000;
    // Plus the tokens of the current window.
    const tokens = RETRY_TOKENS.perCall * calls + RETRY_TOKENS.perSecond * (seconds + 10);
    if (this.#extra > tokens) this.#count(`${this.#extra} retries and hedges from ${tokens} tokens`);
  }

  #expect(found: number, right: number, what: string): void {
    if (found !== right) this.#count(`${found} ${what}, not ${right}`);
  }

  #lookAtError(error: unknown): void {
    if (!(error instanceof Error)) return this.#count('a rejection that is no Error');
    const shown = `${inspect(error, { depth: 8 })}${error.stack}`;
    if (shown.includes(KEY)) this.#count('an error that shows the key');
    if (shown.includes(PROMPT)) this.#count('an error that shows the prompt');
  }

  #count(what: string): void {
    count(this.broken, what);
  }
}

/** The number of open breakers. Each has one timer for the end of its cooldown. */
function openBreakers({ router }: Fleet): number {
  return Object.values(router.snapshot().deployments).filter(({ state }) => state === 'open').length;
}

function inFlight({ router }: Fleet): number {
  return Object.values(router.snapshot().deployments).reduce((total, each) => total + each.inFlight, 0);
}
