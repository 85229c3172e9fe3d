import type { CalendarUnit } from '../util/calendar.js';
import type { SpendWindow } from './spend-window.js';

/** A budget as all processes see it. */
export interface SharedBudget {
  readonly usd: number;
  readonly window: CalendarUnit | number;
  readonly perTenant: boolean;
  readonly route: string | undefined;
}

/** This process's part of a budget that several processes share. Amounts are billionths of a dollar. */
export interface FleetAllowance extends SpendWindow {
  /** The amount that may be reserved now, without a request. */
  available(): number;
  reserve(amount: number): void;
  release(amount: number): void;
  /** The largest amount that a request could make available. */
  left(): number;
  /**
   * Requests more from the fleet, and waits at most until the fleet's `timeoutMs` have passed since `since`, the time of
   * the call's first request. Resolves to whether the fleet answered; never rejects. `undefined`: a request would not
   * help now.
   */
  request(amount: number, since: number): Promise<boolean> | undefined;
  /** The budget's amount has changed. */
  limitTo(limit: number): void;
  /** The budget is no longer used. */
  close(): void;
  /** Why there is no allowance, apart from a spent budget. */
  readonly trouble: string | undefined;
}

/** A rate limit that the fleet may change. */
export interface SharedRate {
  /** The amount taken since its creation. */
  readonly taken: number;
  /** Whether it would allow nothing more now. */
  isShort(now: number): boolean;
  setPerMinute(perMinute: number, now: number): void;
}

/** A fact that all processes share: a deployment is paused, a client is suspended, or a breaker is open elsewhere. */
export interface FleetFact {
  readonly kind: 'pause' | 'suspended' | 'breaker';
  readonly id: string;
  /** How long it remains true, in milliseconds from now. */
  readonly forMs: number;
}

/** The router, as its fleet sees it. */
export interface FleetHost {
  readonly random: () => number;
  warn(line: string): void;
  /** This process's own facts that are still valid. */
  facts(): FleetFact[];
  /**
   * Called at each heartbeat with all facts of the other processes.
   *
   * @param ended facts of the last heartbeat that have ended early
   */
  onFacts(facts: readonly FleetFact[], ended: readonly FleetFact[]): void;
  /** Rates have changed, so waiting calls may continue. */
  onRates(): void;
}

/** A router's connection to its fleet. It does nothing until `start`. */
export interface FleetLink {
  readonly sharesBudgets: boolean;
  readonly sharesRates: boolean;
  /** Called at the first call. May be called repeatedly. */
  start(): void;
  /** Sends a new fact to the other processes soon. */
  nudge(): void;
  /**
   * @param name the same in each process with such a budget
   * @param isOther whether it is the budget that tenants beyond `tenants.max` share
   */
  allowance(budget: SharedBudget, name: string, tenant: string | undefined, isOther: boolean): FleetAllowance;
  /** Shares a rate, or its new value. `undefined`: it is no longer limited. */
  rate(id: string, perMinute: number | undefined, limit: SharedRate | undefined): void;
  /** Returns unused allowances. Resolves within `timeoutMs`; never rejects. */
  close(): Promise<void>;
}

/** The option `fleet`. */
export interface Fleet {
  connect(host: FleetHost): FleetLink;
}
