import { maxUsdOf, type WorstCase } from '../../prices/worst-case.js';
import type { Warning } from '../../state/spend-account.js';
import type { Reservation, SpendLedger } from '../../state/spend-ledger.js';
import type { Call, SpendReservation } from '../../types.js';
import { toNano, toNanoUp } from '../../util/money.js';

export interface CallReservationParts {
  readonly call: Call;
  /** For the deployments that it may use. */
  readonly cases: readonly WorstCase[];
  readonly mayRepeat: boolean;
  /** `undefined` if no budget applies. */
  readonly reserved: { readonly ledger: SpendLedger; readonly reservation: Reservation } | undefined;
  readonly onSettled: (end: Settlement) => void;
}

/** The result of a call for the budgets. */
export interface Settlement {
  readonly spentUsd: number;
  /** The estimated maximum; only set if an attempt has cost more than that. */
  readonly exceededUsd: number | undefined;
  readonly warnings: readonly Warning[];
}

/**
 * Reserves money for a call while it runs. At first the highest cost of all its attempts; as attempts end, and once
 * there is an answer, only what it may still cost; at its end, nothing.
 */
export class CallReservation implements SpendReservation {
  readonly #parts: CallReservationParts;
  /** The booked cost of attempts that have ended, by number. */
  readonly #booked = new Map<number, number>();
  #isCommitted = false;
  #isDeferred = false;

  constructor(parts: CallReservationParts) {
    this.#parts = parts;
  }

  onAttemptEnd(attempt: number, usd: number): void {
    this.#booked.set(attempt, usd);
    this.#release();
  }

  maxAt(deployment: string): number {
    const isAt = ({ targets }: WorstCase) => targets.some(({ state }) => state.id === deployment);
    return this.#parts.cases.find(isAt)?.usd ?? 0;
  }

  /** The answer is being returned, so no other deployment is tried. */
  commit(): void {
    this.#isCommitted = true;
    this.#release();
  }

  defer(attempt: number): void {
    this.#isDeferred = true;
    this.#booked.delete(attempt);
  }

  settle(): void {
    this.#isDeferred = false;
    this.end();
  }

  /** The call is over. */
  end(): void {
    if (this.#isDeferred) return;
    const { reserved, onSettled } = this.#parts;
    const spentUsd = this.#usd(false);
    const warnings = reserved?.ledger.settle(reserved.reservation, spentUsd) ?? [];
    onSettled({ spentUsd, exceededUsd: this.#exceeded(), warnings });
  }

  #release(): void {
    const { reserved } = this.#parts;
    if (reserved !== undefined) reserved.ledger.release(reserved.reservation, this.#usd(true));
  }

  #exceeded(): number | undefined {
    const { attempts } = this.#parts.call.record;
    const hasExceeded = attempts.some(
      ({ number, deployment }) => toNano(this.#booked.get(number) ?? 0) > toNanoUp(this.maxAt(deployment)),
    );
    return hasExceeded ? attempts.reduce((sum, { deployment }) => sum + this.maxAt(deployment), 0) : undefined;
  }

  /**
   * The cost of ended attempts, plus the highest cost of running ones and, with `withMore`, of attempts that may
   * follow.
   */
  #usd(withMore: boolean): number {
    const { call, cases, mayRepeat } = this.#parts;
    const { attempts } = call.record;
    let usd = 0;
    for (const { number, deployment } of attempts) usd += this.#booked.get(number) ?? this.maxAt(deployment);
    if (!withMore || this.#isCommitted) return usd;
    return usd + maxUsdOf(cases, call.maxAttempts - attempts.length, mayRepeat);
  }
}
