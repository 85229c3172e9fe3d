import type { Claim, Grant, LedgerRules } from './ledger/ledger.js';
import type { FleetSettings } from './options.js';

/** Something that claims its part of what is shared. */
export interface Claimant {
  readonly key: string;
  readonly rules: LedgerRules;
  /** Whether the next heartbeat should speak of it. */
  readonly isActive: boolean;
  claim(worker: string, leaving: boolean): Claim;
  answer(seq: number, grant: Grant, sentAt: number): void;
  /** The store has lost everything: nobody else may remember what this one has. */
  onDataLoss(): void;
}

/** What a claimant needs of the connection that speaks for it. */
export interface ClaimantHost {
  readonly settings: FleetSettings;
  /** The ledger does not answer: what is set aside for that may be used. */
  readonly isSilent: boolean;
  /** Why there is nothing to be had, beside the budget being spent. */
  readonly trouble: string | undefined;
  /** The number of the next claim. */
  nextSeq(): number;
  /** Asks for one of them now, together with all others that are waiting. `undefined`: asking would not help. */
  ask(claimant: Claimant, withinMs: number, afterMs: number): Promise<boolean> | undefined;
  /** It will not be spoken of again. */
  forget(claimant: Claimant): void;
}
