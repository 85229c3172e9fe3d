import type { Claim, Grant, LedgerRules } from './ledger/ledger.js';

/** One claim, and its budget or rate. `key` is a hash that reveals neither tenant nor prompt. */
export interface KeyedClaim {
  readonly key: string;
  readonly rules: LedgerRules;
  readonly claim: Claim;
}

/** The message that one process sends with a heartbeat, or when it needs more at once. */
export interface FleetMessage {
  /** The fleet's name: fleets with different names share nothing. */
  readonly name: string;
  readonly worker: string;
  readonly heartbeatMs: number;
  readonly claims: readonly KeyedClaim[];
  /** `undefined`: facts are not exchanged this time. */
  readonly facts: FactMessage | undefined;
}

/** What one process knows about pauses, suspended clients and open breakers. */
export interface FactMessage {
  /** Facts of this process: a field, and how long it remains true, in milliseconds. The longest wins. */
  readonly found: readonly (readonly [field: string, forMs: number])[];
  /** Facts that have ended, unless they were extended since: a field, and its former `until`. */
  readonly ended: readonly (readonly [field: string, until: number])[];
}

/** A fact as the store has it. */
export interface StoredFact {
  readonly field: string;
  readonly leftMs: number;
  /** A time of the store's clock. It distinguishes facts of the same field. */
  readonly until: number;
}

/** The answer to one exchange. */
export interface FleetReply {
  /** Changes when the store has lost its data. */
  readonly epoch: string;
  /** The highest version of a process that has used the store. */
  readonly version: number;
  /** One for each claim; `undefined` for a claim that a later one has overtaken. */
  readonly grants: readonly (Grant | undefined)[];
  readonly facts: readonly StoredFact[];
}

/**
 * The shared store of a fleet. `exchange` must be atomic for each claim, and answer like `answerClaim`;
 * `fleetStoreContract` in `model-router/testing` checks yours.
 */
export interface FleetStore {
  exchange(message: FleetMessage): Promise<FleetReply>;
  /** Whether an exchange is worth trying. @default always */
  isReady?(): boolean;
  /** Warnings about the store's configuration, to be logged once. */
  warnings?(): Promise<readonly string[]>;
}
