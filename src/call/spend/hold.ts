import type { Reservation, SpendLedger, Warning } from '../../state/spend-ledger.js';
import type { Call, SpendHold } from '../../types.js';
import { toNano, toNanoUp } from '../../util/money.js';
import { type Most, mostOfAttempts } from './most.js';

const NOT_KEPT = { overrun: false, warnings: [] };

export interface HoldParts {
  readonly call: Call;
  /** The most that it may cost in all, in US dollars. */
  readonly usd: number;
  /** Of those that may be asked. */
  readonly most: readonly Most[];
  readonly mayRepeat: boolean;
  /** `undefined` where no budget is concerned. */
  readonly kept: { readonly ledger: SpendLedger; readonly reservation: Reservation } | undefined;
  readonly onSettled: (spentUsd: number, result: { overrun: boolean; warnings: readonly Warning[] }) => void;
}

/**
 * Keeps money for a call while it runs. At first the most it may cost over all its attempts; as they end, and once one
 * of them is the answer, no more than it may cost yet; at its end, nothing.
 */
export class Hold implements SpendHold {
  readonly #parts: HoldParts;
  #isCommitted = false;

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  onAttemptEnd(): void {
    const { kept } = this.#parts;
    if (kept !== undefined) kept.ledger.shrink(kept.reservation, this.#usd(true));
  }

  mostAt(deployment: string): number {
    return this.#parts.most.find(({ target }) => target.state.id === deployment)?.usd ?? 0;
  }

  /** An answer is handed out: nobody else is asked. */
  commit(): void {
    this.#isCommitted = true;
    this.onAttemptEnd();
  }

  /** The call is over. */
  end(): void {
    const { kept, usd, onSettled } = this.#parts;
    const spentUsd = this.#usd(false);
    const { overrun, warnings } = kept?.ledger.settle(kept.reservation, spentUsd) ?? NOT_KEPT;
    onSettled(spentUsd, { overrun: overrun || toNano(spentUsd) > toNanoUp(usd), warnings });
  }

  /** What the attempts have cost, those that run at their most, and those that may yet be made. */
  #usd(withMore: boolean): number {
    const { call, most, mayRepeat } = this.#parts;
    const { attempts } = call.record;
    let usd = 0;
    for (const { outcome, costUsd, deployment } of attempts) {
      usd += outcome === 'pending' ? this.mostAt(deployment) : (costUsd ?? 0);
    }
    if (!withMore || this.#isCommitted) return usd;
    return usd + mostOfAttempts(most, call.maxAttempts - attempts.length, mayRepeat);
  }
}
