import type { FleetAllowance } from '../state/fleet.js';
import type { Claimant, ClaimantHost } from './claimant.js';
import { Allowance } from './ledger/allowance.js';
import type { Claim, Grant, LedgerRules } from './ledger/ledger.js';

/** The number of times that a call may request more within `timeoutMs`. */
const MAX_PAUSES = 8;
/** A budget that is unchanged for this many heartbeats is left out of claims. */
const QUIET_BEATS = 5;

/** A budget's allowance as the spend ledger sees it: a window, and what may be reserved in it. */
export class BudgetAllowance implements FleetAllowance, Claimant {
  readonly #ledger: Allowance;
  readonly #link: ClaimantHost;
  #quietBeats = 0;
  /** When the last request of a call was over. */
  #repliedAt = Number.NEGATIVE_INFINITY;
  /** The share of the limit that the last warning was about, and its window. */
  #reached = { window: Number.NaN, percent: 0 };

  constructor(
    readonly key: string,
    public rules: LedgerRules,
    link: ClaimantHost,
  ) {
    this.#ledger = new Allowance(rules.window);
    this.#link = link;
  }

  get isActive(): boolean {
    return this.#quietBeats < QUIET_BEATS || this.#ledger.allowance > this.#ledger.settled;
  }

  get trouble(): string | undefined {
    if (this.#link.trouble !== undefined) return this.#link.trouble;
    return this.#ledger.isRebuilding ? "the fleet's ledger has lost data and is being rebuilt" : undefined;
  }

  available(): number {
    const { isSilent, settings } = this.#link;
    if (isSilent && settings.whenDown === 'allow') return Number.MAX_SAFE_INTEGER;
    return this.#ledger.available(isSilent);
  }

  reserve(amount: number): void {
    this.#quietBeats = 0;
    this.#ledger.reserve(amount);
  }

  release(amount: number): void {
    this.#quietBeats = 0;
    this.#ledger.release(amount);
  }

  left(): number {
    return Math.max(0, this.available()) + (this.#link.isSilent ? 0 : this.#ledger.left);
  }

  request(amount: number, since: number): Promise<boolean> | undefined {
    const { timeoutMs } = this.#link.settings;
    const leftMs = since + timeoutMs - performance.now();
    if (leftMs <= 0) return undefined;
    const ledger = this.#ledger;
    const isFresh = performance.now() - ledger.answeredAt < this.rules.heartbeatMs;
    // The last answer reported how much is left.
    if (isFresh && ledger.isKnown && amount > Math.max(0, ledger.available(false)) + ledger.left) return undefined;
    if (isFresh && ledger.isRebuilding) return undefined;
    if (amount > this.rules.limit) return undefined;
    const stop = ledger.wait(amount);
    this.#quietBeats = 0;
    // There is money, but it is granted only once every worker knows the new total, after its next heartbeat.
    const pauseMs = this.#repliedAt >= since ? Math.min(leftMs, timeoutMs / MAX_PAUSES) : 0;
    const answer = this.#link.request(this, leftMs, pauseMs);
    if (answer === undefined) stop();
    return answer?.then((isAnswered) => {
      stop();
      this.#repliedAt = performance.now();
      return isAnswered;
    });
  }

  onDataLoss(): void {
    this.#quietBeats = 0;
  }

  claim(worker: string, leaving: boolean): Claim {
    this.#quietBeats += 1;
    return this.#ledger.claim(worker, this.#link.nextSeq(), leaving);
  }

  answer(seq: number, grant: Grant, sentAt: number): void {
    this.#ledger.answer(seq, grant, sentAt);
  }

  /** The spending of the whole fleet, as far as this process knows. */
  spent(): number {
    return this.#ledger.spent;
  }

  time(): number {
    return this.#ledger.window;
  }

  add(amount: number): void {
    this.#quietBeats = 0;
    this.#ledger.settle(amount);
  }

  isEmpty(): boolean {
    return this.#ledger.isUnused && this.#ledger.allowance === 0;
  }

  limitTo(limit: number): void {
    this.rules = { ...this.rules, limit };
    this.#quietBeats = 0;
  }

  close(): void {
    this.#link.forget(this);
  }

  /** Empty, because the fleet itself stores the spending. */
  entries(): [at: number, amount: number][] {
    return [];
  }

  addAt(at: number): number {
    return at;
  }

  slotStart(): number {
    return Date.now();
  }

  availableAt(amount: number): number | undefined {
    return this.spent() >= amount ? this.resetsAt() : undefined;
  }

  resetsAt(): number | undefined {
    const inMs = this.#ledger.beginsAt - performance.now();
    return Number.isFinite(inMs) ? Date.now() + inMs : undefined;
  }

  reach(percent: number): boolean {
    const { window } = this.#ledger;
    if (this.#reached.window === window && percent <= this.#reached.percent) return false;
    this.#reached = { window, percent };
    return true;
  }
}
