import { SlidingWindow } from '../../state/spend-window.js';
import type { Claim, Grant, LedgerWindow } from './ledger.js';

/** Clocks of two machines drift apart by less than this share. */
const DRIFT = 0.0002;
const RECENT_MS = 2000;
/** A worker that has reserved nothing for this long requests nothing in advance. */
const IDLE_MS = 60_000;
const SLIDING_LEASE_MS = 600_000;

/**
 * A worker's side of the ledger for one budget: its allowance, its claims, and how it reads answers. All times are
 * those of `performance.now()`; no wall clock is read.
 */
export class Allowance {
  #allowance = 0;
  /** The part that may be used only while the ledger is silent. */
  #outage = 0;
  #next = 0;
  #settled = 0;
  /** Booked when the window may already have ended, so it counts in both windows. */
  #settledBetween = 0;
  #reserved = 0;
  #epoch = '';
  #window = -1;
  #seq = 0;
  #ack = 0;
  #seen = 0;
  #seenNext = 0;
  /** Its window has surely not ended before this time. */
  #endsAt = Number.POSITIVE_INFINITY;
  /** The next window has surely begun at this time. */
  #beginsAt = Number.POSITIVE_INFINITY;
  #nextMs = Number.POSITIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #spentByOthers = 0;
  #left = 0;
  #rebuiltAt = Number.NEGATIVE_INFINITY;
  #most = 0;
  #waiting = 0;
  /** Reservations in the current span of two seconds, and in the one before. */
  #recent = { since: Number.NEGATIVE_INFINITY, amount: 0, before: 0 };
  readonly #slide: SlidingWindow | undefined;
  readonly #slideMs: number;

  constructor(window: LedgerWindow) {
    this.#slide = typeof window === 'number' ? new SlidingWindow(window) : undefined;
    this.#slideMs = typeof window === 'number' ? window : 0;
  }

  /** The number of the window; -1 before the first answer. */
  get window(): number {
    this.#roll();
    return this.#window;
  }

  /** The spending of this worker in the window. */
  get settled(): number {
    this.#roll();
    return this.#slide?.spent() ?? this.#settled + this.#settledBetween;
  }

  /** The spending of all workers, as far as it is known. */
  get spent(): number {
    return this.settled + this.#spentByOthers;
  }

  /** The part of the limit that no worker had an allowance for, by the last answer. */
  get left(): number {
    return this.#left;
  }

  get allowance(): number {
    this.#roll();
    return this.#allowance;
  }

  get answeredAt(): number {
    return this.#answeredAt;
  }

  get isKnown(): boolean {
    return this.#window >= 0;
  }

  get isRebuilding(): boolean {
    return performance.now() < this.#rebuiltAt;
  }

  /** `performance.now()` time at which the next window begins, at the latest. */
  get beginsAt(): number {
    this.#roll();
    return this.#beginsAt;
  }

  /** Whether nothing is reserved or spent, and no call waits. */
  get isUnused(): boolean {
    return this.#reserved === 0 && this.#waiting === 0 && this.settled === 0;
  }

  /** @param isSilent whether the ledger does not answer */
  available(isSilent: boolean): number {
    this.#roll();
    if (performance.now() >= this.#endsAt) return 0;
    return this.#allowance - (isSilent ? 0 : this.#outage) - this.settled - this.#reserved;
  }

  reserve(amount: number): void {
    this.#roll();
    this.#reserved += amount;
    const now = performance.now();
    if (now - this.#recent.since >= RECENT_MS) {
      const before = now - this.#recent.since < 2 * RECENT_MS ? this.#recent.amount : 0;
      this.#recent = { since: now, amount: 0, before };
    }
    this.#recent.amount += amount;
    this.#most = Math.max(amount, this.#most - (this.#most - amount) / 64);
  }

  release(amount: number): void {
    this.#roll();
    this.#reserved -= amount;
  }

  /** Books the cost of a call. It may exceed the reservation, and the allowance. */
  settle(amount: number): void {
    this.#roll();
    if (this.#slide !== undefined) this.#slide.add(amount);
    else if (performance.now() >= this.#endsAt) this.#settledBetween += amount;
    else this.#settled += amount;
  }

  /** A call waits for this amount. Returns a function that ends the wait. */
  wait(amount: number): () => void {
    this.#waiting += amount;
    this.#most = Math.max(amount, this.#most);
    let isOver = false;
    return () => {
      if (!isOver) this.#waiting -= amount;
      isOver = true;
    };
  }

  /** Its claim to the ledger; `seq` grows. Only the answer to the latest claim counts. */
  claim(worker: string, seq: number, leaving = false): Claim {
    this.#roll();
    const used = this.settled + this.#reserved;
    this.#allowance = leaving ? used : Math.max(this.#allowance, used);
    if (leaving) this.#outage = 0;
    if (leaving) this.#next = 0;
    const need = used + this.#waiting;
    const now = performance.now();
    const isIdle = this.#waiting === 0 && now - this.#recent.since > IDLE_MS;
    const recent = now - this.#recent.since < 2 * RECENT_MS ? Math.max(this.#recent.amount, this.#recent.before) : 0;
    this.#seq = seq;
    return {
      worker,
      seq: this.#seq,
      ack: this.#ack,
      epoch: this.#epoch,
      window: this.#window,
      have: this.#allowance,
      need,
      want: leaving || isIdle ? need : need + this.#most + recent,
      most: this.#most,
      settled: this.#slide?.spent() ?? this.#settled,
      next: this.#next,
      seen: this.#seen,
      leaving,
    };
  }

  /** @param sentAt when the claim was sent, or earlier: the granted time ends by this clock */
  answer(seq: number, grant: Grant, sentAt: number): void {
    if (seq !== this.#seq) return;
    this.#roll();
    this.#ack = seq;
    this.#epoch = grant.epoch;
    this.#answeredAt = performance.now();
    this.#left = grant.left;
    this.#rebuiltAt = this.#answeredAt + grant.rebuildMs;
    // The server's clock is still in the previous window, which its answer belongs to.
    if (grant.window < this.#window) return;
    const isSame = this.#window === grant.window || this.#window === -1;
    if (!isSame) this.#begin(grant.window);
    this.#window = grant.window;
    const used = this.settled + this.#reserved;
    if (isSame) {
      this.#allowance = Math.max(grant.allowance, used);
      this.#outage = Math.min(grant.outage, this.#allowance);
      this.#next = grant.next;
    } else {
      this.#allowance = Math.max(used, Math.min(this.#allowance, grant.allowance));
      this.#outage = Math.min(this.#outage, this.#allowance);
    }
    this.#seen = Math.max(this.#seen, grant.seen);
    this.#seenNext = grant.seenNext;
    this.#spentByOthers = Math.max(0, grant.spent - this.settled);
    this.#endsAt = sentAt + grant.endsInMs * (1 - DRIFT);
    this.#beginsAt = performance.now() + grant.endsInMs * (1 + DRIFT);
    this.#nextMs = grant.nextMs;
  }

  /** Enters the next window by this process's clock, without an answer. In the second such window nothing is left. */
  #roll(): void {
    const now = performance.now();
    if (this.#slide !== undefined) {
      const leaseMs = this.#slideMs + SLIDING_LEASE_MS;
      if (now - this.#answeredAt > leaseMs && this.#answeredAt > 0)
        this.#allowance = Math.min(this.#allowance, this.#slide.spent() + this.#reserved);
      return;
    }
    while (now >= this.#beginsAt) {
      const isSecond = this.#nextMs === Number.POSITIVE_INFINITY;
      this.#begin(this.#window + 1);
      if (isSecond) this.#allowance = this.#reserved + this.#settled;
      if (isSecond) this.#outage = 0;
      this.#endsAt += this.#nextMs * (1 - DRIFT);
      this.#beginsAt += this.#nextMs * (1 + DRIFT);
      this.#nextMs = Number.POSITIVE_INFINITY;
    }
  }

  /** The new window pays for running calls, from the unspent part of the old one. */
  #begin(window: number): void {
    const unspent = Math.max(0, this.#allowance - this.#settled);
    this.#outage = this.#next;
    this.#allowance = Math.max(this.#reserved + this.#settledBetween, unspent + this.#next);
    this.#next = 0;
    this.#settled = this.#settledBetween;
    this.#settledBetween = 0;
    this.#spentByOthers = 0;
    this.#left = 0;
    this.#seen = this.#seenNext;
    this.#window = window;
  }
}
