import type { CalendarUnit } from '../util/calendar.js';
import type { SpendWindow } from './spend-window.js';

/** A budget as all processes know it. */
export interface SharedBudget {
  readonly usd: number;
  readonly window: CalendarUnit | number;
  readonly perTenant: boolean;
  readonly route: string | undefined;
}

/** This process's part of a budget that several processes share. Amounts are billionths of a dollar. */
export interface FleetAllowance extends SpendWindow {
  /** What may be reserved now, on its own. */
  available(): number;
  reserve(amount: number): void;
  release(amount: number): void;
  /** The most that could be available after a request. */
  left(): number;
  /**
   * Requests more from the fleet, and waits until its `timeoutMs` after `since`, when the call's first request began. Resolves to whether the fleet answered; never rejects.
   * `undefined`: a request would not help now.
   */
  request(amount: number, since: number): Promise<boolean> | undefined;
  /** The budget's amount has changed. */
  limitTo(limit: number): void;
  /** It is not used any more. */
  close(): void;
  /** Why there is no allowance, beside the budget being spent. */
  readonly trouble: string | undefined;
}

/** A rate limit that the fleet may change. */
export interface SharedRate {
  /** What has been taken since it was made. */
  readonly taken: number;
  /** It would let nothing more through now. */
  isShort(now: number): boolean;
  setPerMinute(perMinute: number, now: number): void;
}

/** What every process knows: that a deployment is paused, a client suspended, or a breaker open elsewhere. */
export interface FleetFact {
  readonly kind: 'pause' | 'suspended' | 'breaker';
  readonly id: string;
  /** From now, in milliseconds. */
  readonly forMs: number;
}

/** What the fleet needs of its router. */
export interface FleetHost {
  readonly random: () => number;
  warn(line: string): void;
  /** What this process found out itself, and is still valid. */
  facts(): FleetFact[];
  /**
   * What other processes have found out. Called with all of it, each heartbeat.
   *
   * @param ended what was known at the last heartbeat and has ended before its time
   */
  onFacts(facts: readonly FleetFact[], ended: readonly FleetFact[]): void;
  /** Rates have changed: calls that wait may go on. */
  onRates(): void;
}

/** A router's connection to its fleet. It does nothing until `start`. */
export interface FleetLink {
  readonly sharesBudgets: boolean;
  readonly sharesRates: boolean;
  /** The first call has come. May be called at any time, and again. */
  start(): void;
  /** Something has been found out that the others should know soon. */
  nudge(): void;
  /**
   * @param name the same in each process with such a budget
   * @param isOther it is for all tenants that there is no room for
   */
  allowance(budget: SharedBudget, name: string, tenant: string | undefined, isOther: boolean): FleetAllowance;
  /** Shares a rate, or what has become of it. `undefined`: it is not limited any more. */
  rate(id: string, perMinute: number | undefined, limit: SharedRate | undefined): void;
  /** Returns what is not used. Resolves in at most `timeoutMs`; never rejects. */
  close(): Promise<void>;
}

/** The option `fleet`. */
export interface Fleet {
  connect(host: FleetHost): FleetLink;
}
