import type { Claim, Grant, LedgerRules } from './ledger/ledger.js';
import type { FleetSettings } from './options.js';

/** A budget or rate that claims its part of a shared limit. */
export interface Claimant {
  readonly key: string;
  readonly rules: LedgerRules;
  /** Whether the next heartbeat should include it. */
  readonly isActive: boolean;
  claim(worker: string, leaving: boolean): Claim;
  answer(seq: number, grant: Grant, sentAt: number): void;
  /** The store lost its data: only this claimant may know its own amounts. */
  onDataLoss(): void;
}

/** The connection, as a claimant sees it. */
export interface ClaimantHost {
  readonly settings: FleetSettings;
  /** The ledger does not answer, so the outage share may be used. */
  readonly isSilent: boolean;
  /** Why nothing is available, other than a spent budget. */
  readonly trouble: string | undefined;
  /** The number of the next claim. */
  nextSeq(): number;
  /** Sends its claim now, together with all other waiting claims. `undefined`: that would not help. */
  request(claimant: Claimant, withinMs: number, afterMs: number): Promise<boolean> | undefined;
  /** Ends the claims of this claimant. */
  forget(claimant: Claimant): void;
}
