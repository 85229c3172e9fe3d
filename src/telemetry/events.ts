import { checkFunction, checkOneOf } from '../util/check.js';
import { ignoreRejection } from '../util/ignore-rejection.js';
import type { AttemptRecord, CallRecord, ConfidenceScores } from './record-types.js';

/** The route or deployment that has the SLA. */
type SlaSubject = { route: string; deployment?: undefined } | { deployment: string; route?: undefined };

/**
 * The events of `router.on(type, listener)`. They contain no key and no prompt.
 *
 * @example
 * router.on('breaker-opened', ({ deployment, cooldownMs }) => metrics.increment('breaker', { deployment, cooldownMs
 * }));
 */
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
      /** Milliseconds; `null` if another call's answer was joined. */
      ageMs: number | null;
      /** US dollars; `null` if unknown. */
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
      /** `maxCostUsd`, or the name of the budget: `$400 a month`. */
      name: string;
      /** The highest possible cost of the call, in US dollars. */
      estimate: number;
      limit: number;
      /** The unused part of the limit, in US dollars. */
      left: number;
      resetsAt: string | null;
    }
  /** Your `countTokens` threw or returned no number. Emitted once per router. */
  | { type: 'count-tokens-failed'; callId: string; why: string }
  | { type: 'attempt-started'; callId: string; deployment: string; number: number }
  | { type: 'attempt-failed'; callId: string; attempt: AttemptRecord }
  /** Emitted once for each attempt, after `attempt-failed` if it failed. For a stream: when the stream has ended. */
  | { type: 'attempt-ended'; callId: string; attempt: AttemptRecord }
  /** Attempt `number` is about to start while another attempt has been running for `afterMs` milliseconds. */
  | { type: 'hedge-started'; callId: string; deployment: string; number: number; afterMs: number }
  /** The retry budget was empty, so attempt `number` (a retry of this deployment) was not made and the call fails. */
  | { type: 'retry-withheld'; callId: string; route: string | null; deployment: string; number: number }
  | { type: 'attempt-slow'; callId: string; deployment: string; number: number; slowMs: number; durationMs: number }
  | { type: 'breaker-opened'; deployment: string; cooldownMs: number }
  | { type: 'breaker-closed'; deployment: string }
  | { type: 'deployment-paused'; deployment: string; forMs: number; status: number | null }
  | { type: 'client-suspended'; client: string; forMs: number; status: number | null; code: string | null }
  /** The client answered again after its suspension. */
  | { type: 'client-resumed'; client: string }
  /**
   * A model has no price, so its cost is `null` (once per model), or a spend limit excludes the deployment (once per
   * deployment). `hint` says how to set a price.
   */
  | { type: 'price-unknown'; deployment: string; model: string | null; hint: string }
  /** A budget has reached 50, 80 or 100 %: once each per window. Amounts are US dollars. */
  | {
      type: 'budget-warning';
      budget: string;
      /** The tenant of a budget per tenant; else `null`. */
      tenant: string | null;
      percent: number;
      limitUsd: number;
      spentUsd: number;
      reservedUsd: number;
      resetsAt: string | null;
    }
  /**
   * An `sla` is in danger: the month's error budget is burning `burnRate` times too fast. `page`: look now. `ticket`:
   * look this week. Emitted once, until `sla-recovered`.
   */
  | ({ type: 'sla-burning'; severity: 'page' | 'ticket'; burnRate: number } & SlaSubject)
  | ({ type: 'sla-recovered'; severity: 'page' | 'ticket'; burnRate: number } & SlaSubject)
  /** A call cost more than its reservation. The real cost is booked. */
  | { type: 'budget-overrun'; callId: string; reservedUsd: number; costUsd: number }
  /** The keys of a weighted route do not split by its weights, so do not trust its comparison. Once per comparison. */
  | { type: 'sample-ratio-mismatch'; route: string }
  /** A provider reported an impossible number of tokens. The router books `bookedUsd`, the attempt's highest possible cost, instead. */
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
  /** The confidence in the answer of `from` was too low, so the call also goes to the next deployment. */
  | { type: 'call-escalated'; callId: string; route: string | null; from: string; confidence: number | null }
  /** The confidence in an answer was too low, but `maxShare` of the calls have already been escalated. */
  | { type: 'escalation-capped'; callId: string; route: string | null; confidence: number | null }
  /** The probabilities of an answer's tokens are unknown, so `minConfidence` cannot be applied. */
  | { type: 'confidence-unknown'; callId: string; route: string | null; deployment: string }
  /**
   * A shadow call has ended: a record for `calibrate`. `good` is `null` if it failed or was not judged; `servedModel` is
   * the model that answered the caller.
   */
  | {
      type: 'shadow-ended';
      callId: string;
      route: string | null;
      deployment: string;
      scores: ConfidenceScores;
      good: boolean | null;
      /** The cost of the shadow call, in US dollars. */
      costUsd: number | null;
      servedModel: string | null;
    }
  | { type: 'shadow-dropped'; callId: string; route: string | null; why: string }
  /** All deployments were full, and the call could not be queued. Nothing was sent. */
  | { type: 'capacity-refused'; callId: string; route: string | null; priority: string; why: string }
  | { type: 'model-not-found'; deployment: string; model: string | null; nearest: string | null };

/** The `type` of an event. */
export type RouterEventType = RouterEvent['type'];
/** The event of one type, as its listeners receive it. */
export type EventOf<T extends RouterEventType> = Extract<RouterEvent, { type: T }>;
/** A record, so that the compiler reports a missing type. */
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

/** Listeners by event type. A listener that throws or rejects does not affect calls. */
export class Events {
  readonly #listeners = new Map<RouterEventType, Set<Listener>>();

  /** Whether the event has a listener; without one, callers need not build it. */
  hasListener(type: RouterEventType): boolean {
    return this.#listeners.has(type);
  }

  /** Throws InvalidOptionError for an unknown type. */
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
        ignoreRejection(listener(event));
      } catch {
        // A listener's error must not fail the call.
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
