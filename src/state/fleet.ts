import type { Budget } from './spend-ledger.js';
import type { SpendWindow } from './spend-window.js';

/** This process's part of a budget that several processes share. Amounts are billionths of a dollar. */
export interface FleetAllowance extends SpendWindow {
  /** What may be reserved now, without asking. */
  available(): number;
  reserve(amount: number): void;
  release(amount: number): void;
  /**
   * Asks the fleet for so much more, and waits at most the fleet's `timeoutMs`. Never rejects. `undefined`: asking
   * would not help now.
   */
  ask(amount: number): Promise<unknown> | undefined;
  /** Why there is no allowance, beside the budget being spent. */
  readonly trouble: string | undefined;
}

/** A rate limit that the fleet may change. */
export interface SharedRate {
  /** What has been taken since it was made. */
  readonly taken: number;
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
  /** What this process has found out by itself and still holds. */
  facts(): FleetFact[];
  /** What other processes have found out. Called with all of it, each heartbeat. */
  onFacts(facts: readonly FleetFact[]): void;
  /** Rates have changed: calls that wait may go on. */
  onRates(): void;
}

/** A router's connection to its fleet. It does nothing until `start`. */
export interface FleetLink {
  readonly sharesBudgets: boolean;
  readonly sharesRates: boolean;
  /** The first call has come. May be called at any time, and again. */
  start(): void;
  /** `group`: several budgets that differ in nothing but their amount are told apart by it. */
  allowance(budget: Budget, tenant: string | undefined, isOther: boolean, group: number): FleetAllowance;
  rate(id: string, perMinute: number, limit: SharedRate): void;
  /** Returns what is not used. Resolves in at most `timeoutMs`; never rejects. */
  close(): Promise<void>;
}

/** The option `fleet`. */
export interface Fleet {
  connect(host: FleetHost): FleetLink;
}
