import type { Events } from '../telemetry/events.js';
import type { Attempt, Call } from '../types.js';
import { show } from '../util/check.js';
import { showUsd } from '../util/money.js';
import { cut } from '../util/shown.js';
import type { AttemptBill } from './bill-attempt.js';

/** Model names come from outside, so at most this many missing prices are reported. */
const MAX_UNPRICED = 1000;

const HOW_TO_SET_A_PRICE =
  'give its deployment a `price`, or the router `prices`, as { input, output } in US dollars per million tokens';

export interface AttemptReportsParts {
  readonly events: Events;
  readonly slowMs: number;
  /** How often slow attempts at a deployment are logged, in milliseconds. */
  readonly slowLogMs: number;
}

/** Logs and events about unusual attempts: a missing price, absurd usage, slowness. */
export class AttemptReports {
  readonly #parts: AttemptReportsParts;
  /** The missing prices that are already reported. */
  readonly #unpriced = new Set<string>();
  /** By deployment: how many slow attempts are not yet logged, and when the next line is due. */
  readonly #slow = new Map<string, { count: number; nextAt: number }>();

  constructor(parts: AttemptReportsParts) {
    this.#parts = parts;
  }

  /** Reports each missing price once. */
  unpriced({ log }: Call, deployment: string, model: string | null, tier: string | undefined): void {
    const key = `${deployment}\n${cut(model ?? '')}\n${cut(tier ?? '')}`;
    if (this.#unpriced.size >= MAX_UNPRICED || this.#unpriced.has(key)) return;
    this.#unpriced.add(key);
    const hint =
      tier === undefined
        ? `no price is known for ${show(model)}, so its cost is not: ${HOW_TO_SET_A_PRICE}`
        : `no price is known for ${show(model)} at the service tier ${show(tier)}, so its cost is not: give its price \`tiers\`, such as { ${show(tier)}: 2 }, a factor, or a whole price`;
    log.hint(hint);
    const { events } = this.#parts;
    if (events.hasListener('price-unknown'))
      events.emit({ type: 'price-unknown', deployment, model: model === null ? null : cut(model), hint });
  }

  /** Reports more tokens than are plausible. */
  absurdUsage(
    { call, target }: Attempt,
    { bookedUsd }: AttemptBill,
    { tokens, limit }: { tokens: number; limit: number },
  ): void {
    const deployment = target.state.id;
    call.log.warn(
      `${call.record.id} ${deployment} reported ${tokens} tokens, which is more than ${limit}, the most that is plausible; ${showUsd(bookedUsd)} is booked, the most that it could cost`,
    );
    const { events } = this.#parts;
    if (!events.hasListener('usage-absurd')) return;
    const { id: callId } = call.record;
    events.emit({ type: 'usage-absurd', callId, deployment, tokens, limitTokens: limit, bookedUsd });
  }

  /** Counts and reports a slow attempt. `durationMs`: until the answer, or until a stream's first content. */
  ifSlow(attempt: Attempt, durationMs: number): void {
    const { events, slowMs } = this.#parts;
    if (durationMs <= slowMs) return;
    const { call, record, target } = attempt;
    target.state.totals.slow++;
    this.#logSlow(call, target.state.id, durationMs);
    if (!events.hasListener('attempt-slow')) return;
    const { id } = target.state;
    events.emit({
      type: 'attempt-slow',
      callId: call.record.id,
      deployment: id,
      number: record.number,
      slowMs,
      durationMs,
    });
  }

  #logSlow({ log }: Call, deployment: string, durationMs: number): void {
    const known = this.#slow.get(deployment) ?? { count: 0, nextAt: 0 };
    this.#slow.set(deployment, known);
    known.count++;
    const now = performance.now();
    if (now < known.nextAt || !log.warns) return;
    const count = known.count === 1 ? '1 attempt' : `${known.count} attempts`;
    log.warn(
      `${deployment}: ${count} slower than ${this.#parts.slowMs} ms since the last such line; the latest took ${durationMs.toFixed(0)} ms`,
    );
    this.#slow.set(deployment, { count: 0, nextAt: now + this.#parts.slowLogMs });
  }
}
