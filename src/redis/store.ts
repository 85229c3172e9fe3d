import type { Claim, Grant, LedgerRules } from './ledger/ledger.js';

/** One claim, and the budget or rate that it is about. `key` is a digest: it names neither tenant nor prompt. */
export interface KeyedClaim {
  readonly key: string;
  readonly rules: LedgerRules;
  readonly claim: Claim;
}

/** What one process sends with a heartbeat, or when it needs more at once. */
export interface FleetMessage {
  /** The fleet's name: fleets with different names share nothing. */
  readonly name: string;
  readonly worker: string;
  readonly heartbeatMs: number;
  readonly claims: readonly KeyedClaim[];
  /** `undefined`: facts are not exchanged this time. */
  readonly facts: FactMessage | undefined;
}

/** What one process knows of pauses, suspended clients and open breakers. */
export interface FactMessage {
  /** What this process found out: a field, and for how many milliseconds it is valid. The longest wins. */
  readonly found: readonly (readonly [field: string, forMs: number])[];
  /** What has ended, unless it has been extended since: a field, and the `until` that it had. */
  readonly ended: readonly (readonly [field: string, until: number])[];
}

/** A fact as the store has it. */
export interface StoredFact {
  readonly field: string;
  readonly leftMs: number;
  /** By the store's clock. It distinguishes facts of the same field. */
  readonly until: number;
}

/** The answer to one exchange. */
export interface FleetReply {
  /** Changes when the store has lost its data. */
  readonly epoch: string;
  /** The highest version of a process that has used the store. */
  readonly version: number;
  /** For each claim; `undefined` for one that a later one has overtaken. */
  readonly grants: readonly (Grant | undefined)[];
  readonly facts: readonly StoredFact[];
}

/**
 * Where a fleet meets. `exchange` must be atomic for each claim, and answer as `answerClaim` does; `fleetStoreContract`
 * in `model-router/testing` checks yours.
 */
export interface FleetStore {
  exchange(message: FleetMessage): Promise<FleetReply>;
  /** Whether it is worth trying. @default always */
  isReady?(): boolean;
  /** Lines about how the store is set up, to be logged once. */
  warnings?(): Promise<readonly string[]>;
}
