import type { ConfidenceScores } from '../experiments/calibrate.js';
import { checkFunction, checkOneOf } from '../util/check.js';
import type { AttemptRecord, CallRecord } from './record-types.js';

/** Whose promise it is. */
type SlaSubject = { route: string; deployment?: undefined } | { deployment: string; route?: undefined };

/** What the router tells while it works. Events hold no key and no prompt. */
export type RouterEvent =
  | {
      type: 'call-ended';
      record: CallRecord;
      error: { name: string; status: number | null; code: string | null } | null;
    }
  | {
      type: 'cache-hit';
      callId: string;
      how: 'hit' | 'joined' | 'stale' | 'stale-if-error';
      /** Milliseconds; `null` where another call's answer was joined. */
      ageMs: number | null;
      /** US dollars; `null` where it is not known. */
      savedUsd: number | null;
    }
  | {
      type: 'budget-refused';
      callId: string;
      route: string | null;
      budget: 'tokens';
      /** Tokens, with the estimate's margin. */
      estimate: number;
      limit: number;
    }
  | {
      type: 'budget-refused';
      callId: string;
      route: string | null;
      budget: 'money';
      /** `maxCostUsd`, or the budget in words: `$400 a month`. */
      name: string;
      /** The most that the call could cost, in US dollars. */
      estimate: number;
      limit: number;
      /** What is left of the limit. */
      left: number;
      resetsAt: string | null;
    }
  /** Once in a router's life. */
  | { type: 'count-tokens-failed'; callId: string; why: string }
  | { type: 'attempt-started'; callId: string; deployment: string; number: number }
  | { type: 'attempt-failed'; callId: string; attempt: AttemptRecord }
  /** Once for each attempt, whatever it came to; a stream's when the stream has ended. After `attempt-failed`, where it failed. */
  | { type: 'attempt-ended'; callId: string; attempt: AttemptRecord }
  /** Attempt `number` is about to begin, beside one that has been running for `afterMs` milliseconds. */
  | { type: 'hedge-started'; callId: string; deployment: string; number: number; afterMs: number }
  /** Attempt `number` would have been a retry of this deployment, but the retry budget had no token: the call fails instead. */
  | { type: 'retry-withheld'; callId: string; route: string | null; deployment: string; number: number }
  | { type: 'attempt-slow'; callId: string; deployment: string; number: number; slowMs: number; durationMs: number }
  | { type: 'breaker-opened'; deployment: string; cooldownMs: number }
  | { type: 'breaker-closed'; deployment: string }
  | { type: 'deployment-paused'; deployment: string; forMs: number; status: number | null }
  | { type: 'client-suspended'; client: string; forMs: number; status: number | null; code: string | null }
  /** The first answer of a client after it was suspended. */
  | { type: 'client-resumed'; client: string }
  /**
   * Once for each model whose cost is `null` for want of a price, and once for each deployment that a limit of money
   * leaves out for it. `hint` says how to give one.
   */
  | { type: 'price-unknown'; deployment: string; model: string | null; hint: string }
  /** So much of a budget is spent: told once in each window at 50, 80 and 100 %. Amounts are US dollars. */
  | {
      type: 'budget-warning';
      budget: string;
      /** Of a budget by tenant. */
      tenant: string | null;
      percent: number;
      limitUsd: number;
      spentUsd: number;
      reservedUsd: number;
      resetsAt: string | null;
    }
  /**
   * A promise (`sla`) is in danger: its error budget of the month is spent `burnRate` times as fast as it lasts. `page`:
   * look now. `ticket`: look this week. Once, until `sla-recovered`.
   */
  | ({ type: 'sla-burning'; severity: 'page' | 'ticket'; burnRate: number } & SlaSubject)
  | ({ type: 'sla-recovered'; severity: 'page' | 'ticket'; burnRate: number } & SlaSubject)
  /** A call has cost more than the most it was thought to cost. It is booked all the same. */
  | { type: 'budget-overrun'; callId: string; reservedUsd: number; costUsd: number }
  /** The keys of a weighted route do not split as its weights say: do not trust its comparison. Once for each comparison. */
  | { type: 'sample-ratio-mismatch'; route: string }
  /** A provider reported more tokens than there can have been. `bookedUsd` is booked in its place: the most that the attempt could cost. */
  | {
      type: 'usage-absurd';
      callId: string;
      deployment: string;
      tokens: number;
      limitTokens: number;
      bookedUsd: number;
    }
  /** `router.update()` has replaced these options. */
  | { type: 'config-updated'; options: readonly string[] }
  /** The answer of `from` was unsure, so the next deployment is requested too. */
  | { type: 'call-escalated'; callId: string; route: string | null; from: string; confidence: number | null }
  /** An answer was unsure, but `maxShare` of the calls have been escalated. */
  | { type: 'escalation-capped'; callId: string; route: string | null; confidence: number | null }
  /** The probabilities of an answer's tokens are unknown, so `minConfidence` cannot judge it. */
  | { type: 'confidence-unknown'; callId: string; route: string | null; deployment: string }
  /** A shadow call has ended: a record for `calibrate`. `servedModel` is the one that answered the caller. */
  | {
      type: 'shadow-ended';
      callId: string;
      route: string | null;
      deployment: string;
      scores: ConfidenceScores;
      good: boolean | null;
      /** Of the shadow call, in US dollars. */
      costUsd: number | null;
      servedModel: string | null;
    }
  | { type: 'shadow-dropped'; callId: string; route: string | null; why: string }
  /** All deployments were full, and the call could not be queued. Nothing was sent. */
  | { type: 'capacity-refused'; callId: string; route: string | null; priority: string; why: string }
  | { type: 'model-not-found'; deployment: string; model: string | null; nearest: string | null };

export type RouterEventType = RouterEvent['type'];
export type EventOf<T extends RouterEventType> = Extract<RouterEvent, { type: T }>;
/** A record, so that none can be missing. */
const EACH: Readonly<Record<RouterEventType, true>> = {
  'call-ended': true,
  'cache-hit': true,
  'budget-refused': true,
  'count-tokens-failed': true,
  'attempt-started': true,
  'attempt-failed': true,
  'attempt-ended': true,
  'hedge-started': true,
  'retry-withheld': true,
  'attempt-slow': true,
  'breaker-opened': true,
  'breaker-closed': true,
  'deployment-paused': true,
  'client-suspended': true,
  'client-resumed': true,
  'price-unknown': true,
  'budget-warning': true,
  'budget-overrun': true,
  'sla-burning': true,
  'sla-recovered': true,
  'usage-absurd': true,
  'model-not-found': true,
  'sample-ratio-mismatch': true,
  'capacity-refused': true,
  'config-updated': true,
  'call-escalated': true,
  'escalation-capped': true,
  'confidence-unknown': true,
  'shadow-ended': true,
  'shadow-dropped': true,
};
export const EVENT_TYPES = Object.keys(EACH) as RouterEventType[];
type Listener = (event: RouterEvent) => unknown;

/** Listeners by type of event. One that throws, or rejects, harms nobody. */
export class Events {
  readonly #listeners = new Map<RouterEventType, Set<Listener>>();

  /** Whether anybody listens: an event that nobody hears need not be made. */
  heard(type: RouterEventType): boolean {
    return this.#listeners.has(type);
  }

  /** Throws InvalidOptionError for a type that does not exist. */
  on<T extends RouterEventType>(type: T, listener: (event: EventOf<T>) => unknown): () => void {
    checkOneOf('on', type, EVENT_TYPES);
    checkFunction('on.listener', listener);
    const entry: Listener = (event) => (isOf(event, type) ? listener(event) : undefined);
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(entry));
    return () => {
      listeners.delete(entry);
      if (listeners.size === 0 && this.#listeners.get(type) === listeners) this.#listeners.delete(type);
    };
  }

  emit(event: RouterEvent): void {
    for (const listener of [...(this.#listeners.get(event.type) ?? [])]) {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch(ignore);
      } catch {
        // A listener's fault is not the call's.
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

function isOf<T extends RouterEventType>(event: RouterEvent, type: T): event is EventOf<T> {
  return event.type === type;
}

function ignore(): void {}
