import type { FleetLink } from './fleet.js';
import { RateLimit } from './rate-limit.js';

/** The limits of one deployment or client; `undefined` for no limit. */
export interface CapacityLimits {
  readonly maxConcurrent: number | undefined;
  /** Requests and tokens per minute. */
  readonly rpm: number | undefined;
  readonly tpm: number | undefined;
}

/** How many attempts to average for the time that one holds its slot. */
const RECENT = 32;

/** The attempts that run at one deployment or client, and how many more may. */
export class Slots {
  inFlight = 0;
  /** How long recent attempts held their slots, on average. */
  heldMs = 0;
  #ended = 0;
  #limits: CapacityLimits;
  #requests: RateLimit | undefined;
  #tokens: RateLimit | undefined;

  constructor(limits: CapacityLimits) {
    this.#limits = limits;
    this.#requests = limits.rpm === undefined ? undefined : new RateLimit(limits.rpm, 1);
    this.#tokens = limits.tpm === undefined ? undefined : new RateLimit(limits.tpm, 0);
  }

  /** Sets other limits for later attempts. Running attempts stay counted. */
  update(limits: CapacityLimits): void {
    const { rpm, tpm } = this.#limits;
    if (limits.rpm !== rpm) this.#requests = limits.rpm === undefined ? undefined : new RateLimit(limits.rpm, 1);
    if (limits.tpm !== tpm) this.#tokens = limits.tpm === undefined ? undefined : new RateLimit(limits.tpm, 0);
    this.#limits = limits;
  }

  /** Shares the rates with the other processes of a fleet. */
  shareRates(id: string, fleet: FleetLink): void {
    const { rpm, tpm } = this.#limits;
    fleet.rate(`${id} rpm`, rpm, this.#requests);
    fleet.rate(`${id} tpm`, tpm, this.#tokens);
  }

  get maxConcurrent(): number | undefined {
    return this.#limits.maxConcurrent;
  }

  get isLimited(): boolean {
    return this.maxConcurrent !== undefined || this.#requests !== undefined || this.countsTokens;
  }

  get countsTokens(): boolean {
    return this.#tokens !== undefined;
  }

  get isBusy(): boolean {
    return this.inFlight >= (this.#limits.maxConcurrent ?? Number.POSITIVE_INFINITY);
  }

  /** The time from which the rates allow a request of this many tokens. */
  availableAt(tokens: number): number {
    const byRequests = this.#requests?.availableAt(1) ?? Number.NEGATIVE_INFINITY;
    const byTokens = this.#tokens?.availableAt(tokens) ?? Number.NEGATIVE_INFINITY;
    return Math.max(byRequests, byTokens);
  }

  take(tokens: number, now: number): void {
    this.inFlight += 1;
    this.#requests?.take(1, now);
    this.#tokens?.take(tokens, now);
  }

  /**
   * @param used the tokens that were actually used; `undefined` if unknown
   * @param heldMs how long the attempt took; `undefined` where none was made
   */
  release(taken: number, used: number | undefined, now: number, heldMs: number | undefined): void {
    this.inFlight -= 1;
    if (heldMs !== undefined) {
      this.#ended = Math.min(RECENT, this.#ended + 1);
      this.heldMs += (heldMs - this.heldMs) / this.#ended;
    }
    if (used !== undefined) this.#tokens?.settle(taken, used, now);
  }
}

/** A place that a call may go to: its own slots, and those of its client. */
export interface Place {
  readonly id: string;
  readonly slots: Slots;
  readonly client: Slots;
  maxQueue: number;
}

/**
 * Whether the place or its client has limits, and whether those count tokens. Without limits there is nothing to count.
 */
export const hasLimits = ({ slots, client }: Place) => slots.isLimited || client.isLimited;
export const countsTokens = ({ slots, client }: Place) => slots.countsTokens || client.countsTokens;

/**
 * The time from which the rates allow a call; infinite while all slots are taken, because only an end can change that.
 */
export function availableAt({ slots, client }: Place, tokens: number): number {
  if (slots.isBusy || client.isBusy) return Number.POSITIVE_INFINITY;
  return Math.max(slots.availableAt(tokens), client.availableAt(tokens));
}

/** How long a queue waits for a rate. */
export const rateWaitMs = (at: number, now: number) => Math.max(1, Math.ceil(at - now));

interface Waiter {
  readonly places: readonly Place[];
  readonly tokens: (place: Place) => number;
  /** 0 goes first. */
  readonly rank: number;
  readonly order: number;
  readonly grant: (place: Place) => void;
  readonly refuse: () => void;
}

const goesBefore = (one: Waiter, other: Waiter) =>
  one.rank < other.rank || (one.rank === other.rank && one.order < other.order);

/** The calls that wait for one place: by rank, then first in, first out. */
class Queue {
  readonly #byRank = new Map<number, Set<Waiter>>();
  size = 0;

  add(waiter: Waiter): void {
    const waiters = this.#byRank.get(waiter.rank) ?? new Set();
    this.#byRank.set(waiter.rank, waiters.add(waiter));
    this.size += 1;
  }

  delete(waiter: Waiter): void {
    if (this.#byRank.get(waiter.rank)?.delete(waiter)) this.size -= 1;
  }

  ahead(rank: number): number {
    let count = 0;
    for (const [each, waiters] of this.#byRank) if (each <= rank) count += waiters.size;
    return count;
  }

  get first(): Waiter | undefined {
    for (const rank of [...this.#byRank.keys()].sort((a, b) => a - b)) {
      for (const waiter of this.#byRank.get(rank) ?? []) return waiter;
    }
    return undefined;
  }

  /** The newest of the lowest priority. */
  get last(): Waiter | undefined {
    for (const rank of [...this.#byRank.keys()].sort((a, b) => b - a)) {
      let newest: Waiter | undefined;
      for (const waiter of this.#byRank.get(rank) ?? []) newest = waiter;
      if (newest !== undefined) return newest;
    }
    return undefined;
  }
}

/** A waiting call. `cancel` removes it at once, and may be called at any time. */
export interface Waiting {
  readonly granted: Promise<Place>;
  cancel(): void;
}

/**
 * Assigns slots of places with limits. A call whose places are all full waits once, for the first free slot of any of
 * them: premium first, then first in, first out. A timer runs only while a call waits for a rate.
 */
export class Capacity {
  readonly #queues = new Map<Place, Queue>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waited = 0;

  /** Whether one more attempt may start there now. Waiting calls go first. */
  hasRoom(place: Place, tokens: number, now: number): boolean {
    if ((this.#queues.get(place)?.size ?? 0) > 0) return false;
    return availableAt(place, tokens) <= now;
  }

  /** Counts an attempt. Call it only after `hasRoom`, or for a place that was just granted and returned. */
  take(place: Place, tokens: number, now: number): void {
    place.slots.take(tokens, now);
    place.client.take(tokens, now);
  }

  release(place: Place, taken: number, used: number | undefined, now: number, heldMs?: number): void {
    place.slots.release(taken, used, now, heldMs);
    place.client.release(taken, used, now, heldMs);
    this.#serve(now);
  }

  /** The expected wait of a call of this rank for a slot there, by how long recent attempts held theirs. */
  expectedWaitMs(place: Place, rank: number): number {
    const position = (this.#queues.get(place)?.ahead(rank) ?? 0) + 1;
    const perSlot = ({ heldMs, maxConcurrent = Number.POSITIVE_INFINITY }: Slots) => heldMs / maxConcurrent;
    return position * Math.max(perSlot(place.slots), perSlot(place.client));
  }

  /** Whether `wait` would accept a call of this rank. */
  canQueue(places: readonly Place[], rank: number): boolean {
    return places.some((place) => {
      const queue = this.#queues.get(place);
      const last = queue?.last;
      return (queue?.size ?? 0) < place.maxQueue || (last !== undefined && last.rank > rank);
    });
  }

  /**
   * Queues a call and takes a slot when one is granted. Returns `undefined` if the queues are full: then the newest
   * call of the lowest priority is refused, which may be this one.
   */
  wait(
    places: readonly Place[],
    tokens: (place: Place) => number,
    rank: number,
    now: number,
    onRefused: () => void,
  ): Waiting | undefined {
    if (
      places.every((place) => (this.#queues.get(place)?.size ?? 0) >= place.maxQueue) &&
      !this.#makeRoom(places, rank)
    )
      return undefined;
    let grant: (place: Place) => void = () => undefined;
    const granted = new Promise<Place>((resolve) => {
      grant = resolve;
    });
    const order = this.#waited++;
    const waiter: Waiter = { places, tokens, rank, order, grant, refuse: onRefused };
    for (const place of places) this.#queue(place).add(waiter);
    this.#serve(now);
    return { granted, cancel: () => this.#remove(waiter) };
  }

  /** Called when rates have changed. */
  onRates(): void {
    if (this.#queues.size > 0) this.#serve(performance.now());
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Refuses a call of lower priority in favour of a new one. */
  #makeRoom(places: readonly Place[], rank: number): boolean {
    for (const place of places) {
      const last = this.#queues.get(place)?.last;
      if (last === undefined || last.rank <= rank) continue;
      this.#remove(last);
      last.refuse();
      return true;
    }
    return false;
  }

  /** Grants free slots, best rank first over all places. */
  #serve(now: number): void {
    let next: number;
    for (;;) {
      next = Number.POSITIVE_INFINITY;
      let best: { waiter: Waiter; place: Place } | undefined;
      for (const [place, queue] of this.#queues) {
        const waiter = queue.first;
        if (waiter === undefined) continue;
        const at = availableAt(place, waiter.tokens(place));
        if (at > now) next = Math.min(next, at);
        else if (best === undefined || goesBefore(waiter, best.waiter)) best = { waiter, place };
      }
      if (best === undefined) break;
      this.#remove(best.waiter);
      this.take(best.place, best.waiter.tokens(best.place), now);
      best.waiter.grant(best.place);
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (next < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#serve(performance.now()), rateWaitMs(next, now));
  }

  #remove(waiter: Waiter): void {
    for (const place of waiter.places) {
      const queue = this.#queues.get(place);
      queue?.delete(waiter);
      if (queue?.size === 0) this.#queues.delete(place);
    }
    // No call waits any more, and the timer of an aborted call would keep the process alive.
    if (this.#queues.size === 0) this.close();
  }

  #queue(place: Place): Queue {
    const queue = this.#queues.get(place) ?? new Queue();
    this.#queues.set(place, queue);
    return queue;
  }
}
