import type { SharedRate } from '../state/fleet.js';
import type { Claimant, ClaimantHost } from './claimant.js';
import type { Claim, Grant, LedgerRules } from './ledger/ledger.js';

/** A process requests somewhat more than it has used. */
const HEADROOM = 1.5;
/** Until the other processes are known: a share that a handful of processes can use at once. */
const FIRST_SHARE = 0.1;
/** The weight of the last heartbeat's demand. */
const FADING = 0.7;
const MINUTE_MS = 60_000;

/** A process's part of `rpm` or `tpm`, in thousandths: by its use, plus an even part of the rest. */
export class RateAllowance implements Claimant {
  readonly isActive = true;
  readonly #limit: SharedRate;
  readonly #link: ClaimantHost;
  #have: number;
  #workers = 1 / FIRST_SHARE;
  #want = 0;
  #seq = 0;
  #ack = 0;
  #epoch = '';
  #taken = 0;
  #takenAt = Number.NaN;

  constructor(
    readonly key: string,
    readonly rules: LedgerRules,
    limit: SharedRate,
    link: ClaimantHost,
  ) {
    this.#limit = limit;
    this.#link = link;
    this.#have = Math.floor(rules.limit * FIRST_SHARE);
    limit.setPerMinute(this.#have / 1000, 0);
  }

  isFor({ limit }: LedgerRules, rate: SharedRate): boolean {
    return limit === this.rules.limit && rate === this.#limit;
  }

  claim(worker: string, leaving: boolean): Claim {
    const now = performance.now();
    // It is unknown which processes still run, so the rate is divided evenly among all known ones.
    if (this.#link.isSilent && this.#ack > 0) this.#set(Math.floor(this.rules.limit / this.#workers), now);
    const { taken } = this.#limit;
    const perMinute = ((taken - this.#taken) * MINUTE_MS) / (now - this.#takenAt);
    const used = Number.isFinite(perMinute) ? perMinute * 1000 * HEADROOM : 0;
    this.#want = Math.max(Math.ceil(used), Math.floor(this.#want * FADING));
    // The process has used its whole part, so its real demand is unknown.
    if (this.#limit.isShort(now)) this.#want = this.rules.limit;
    this.#taken = taken;
    this.#takenAt = now;
    this.#seq = this.#link.nextSeq();
    const none = { most: 0, settled: 0, next: 0, seen: 0 };
    const have = leaving ? 0 : this.#have;
    return {
      ...none,
      worker,
      seq: this.#seq,
      ack: this.#ack,
      epoch: this.#epoch,
      window: 0,
      have,
      need: 0,
      want: leaving ? 0 : this.#want,
      leaving,
    };
  }

  answer(seq: number, grant: Grant): void {
    if (seq !== this.#seq) return;
    this.#ack = seq;
    this.#epoch = grant.epoch;
    this.#workers = Math.max(1, grant.workers);
    this.#set(grant.allowance, performance.now());
  }

  onDataLoss(): void {
    // Rates are claimed with each heartbeat anyway.
  }

  #set(thousandths: number, now: number): void {
    if (thousandths === this.#have) return;
    this.#have = thousandths;
    this.#limit.setPerMinute(thousandths / 1000, now);
  }
}
