import type { Reservation, SpendLedger, Warning } from '../../state/spend-ledger.js';
import type { Call, SpendHold } from '../../types.js';
import { toNano, toNanoUp } from '../../util/money.js';
import { type Most, mostOfAttempts } from './worst-case.js';

export interface HoldParts {
  readonly call: Call;
  /** Of those that may be asked: what is reserved goes by it. */
  readonly most: readonly Most[];
  /** The same, by the estimate of the input: what is reserved may be more. */
  readonly expected: () => readonly Most[];
  readonly mayRepeat: boolean;
  /** `undefined` where no budget is concerned. */
  readonly kept: { readonly ledger: SpendLedger; readonly reservation: Reservation } | undefined;
  readonly onSettled: (end: Settled) => void;
}

/** What a call has come to. */
export interface Settled {
  readonly spentUsd: number;
  /** The most that its attempts could cost by what was known; there only where one of them has cost more. */
  readonly expectedUsd: number | undefined;
  readonly warnings: readonly Warning[];
}

/**
 * Keeps money for a call while it runs. At first the most it may cost over all its attempts; as they end, and once one
 * of them is the answer, no more than it may cost yet; at its end, nothing.
 */
export class Hold implements SpendHold {
  readonly #parts: HoldParts;
  #expected: readonly Most[] | undefined;
  #isCommitted = false;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  onAttemptEnd(): void {
    const { kept } = this.#parts;
    if (kept !== undefined) kept.ledger.shrink(kept.reservation, this.#usd(true));
  }

  mostAt(deployment: string): number {
    return at(this.#exact(), deployment)?.usd ?? 0;
  }

  /** An answer is handed out: nobody else is asked. */
  commit(): void {
    this.#isCommitted = true;
    this.onAttemptEnd();
  }

  /** The call is over. */
  end(): void {
    const { kept, onSettled } = this.#parts;
    const spentUsd = this.#usd(false);
    const warnings = kept?.ledger.settle(kept.reservation, spentUsd) ?? [];
    onSettled({ spentUsd, expectedUsd: this.#exceeded(), warnings });
  }

  /** What was expected of the attempts, where one has cost more. An estimate is made only where that may be so. */
  #exceeded(): number | undefined {
    const { call, most } = this.#parts;
    const { attempts } = call.record;
    const isOver = (all: readonly Most[], limitOf: (most: Most) => number) =>
      attempts.some(({ deployment, costUsd }) => {
        const each = at(all, deployment);
        return each !== undefined && toNano(costUsd ?? 0) > toNanoUp(limitOf(each));
      });
    if (!isOver(most, ({ usd = 0, inputUsd = 0 }) => usd - inputUsd)) return undefined;
    const exact = this.#exact();
    if (!isOver(exact, ({ usd = 0 }) => usd)) return undefined;
    return attempts.reduce((sum, { deployment }) => sum + (at(exact, deployment)?.usd ?? 0), 0);
  }

  #exact(): readonly Most[] {
    this.#expected ??= this.#parts.expected();
    return this.#expected;
  }

  /** What the attempts have cost, those that run at their most, and those that may yet be made. */
  #usd(withMore: boolean): number {
    const { call, most, mayRepeat } = this.#parts;
    const { attempts } = call.record;
    let usd = 0;
    for (const { outcome, costUsd, deployment } of attempts) {
      if (outcome !== 'pending') usd += costUsd ?? 0;
      else usd += withMore ? (at(most, deployment)?.usd ?? 0) : this.mostAt(deployment);
    }
    if (!withMore || this.#isCommitted) return usd;
    return usd + mostOfAttempts(most, call.maxAttempts - attempts.length, mayRepeat);
  }
}

function at(most: readonly Most[], deployment: string): Most | undefined {
  return most.find(({ target }) => target.state.id === deployment);
}
