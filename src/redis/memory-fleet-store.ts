import { answerClaim, type LedgerState } from './ledger/ledger.js';
import { SCRIPT_VERSION } from './script.js';
import type { FactMessage, FleetMessage, FleetReply, FleetStore, StoredFact } from './store.js';

/** A fleet within one process, for tests and as a model for your own store. */
export function memoryFleetStore(): FleetStore {
  const ledgers = new Map<string, LedgerState>();
  const facts = new Map<string, Map<string, number>>();
  let epochs = 0;
  return {
    exchange({ name, worker, claims, facts: given }: FleetMessage): Promise<FleetReply> {
      const now = Date.now();
      const grants = claims.map(({ key, rules, claim }) => {
        epochs += 1;
        const id = JSON.stringify([name, key]);
        const { state, grant } = answerClaim(ledgers.get(id), rules, claim, now, `${epochs}.${worker}`, false);
        ledgers.set(id, state);
        return grant;
      });
      const shared = facts.get(name) ?? new Map<string, number>();
      facts.set(name, shared);
      const stored = given === undefined ? [] : exchangeFacts(shared, given, now);
      return Promise.resolve({ epoch: 'memory', version: SCRIPT_VERSION, grants, facts: stored });
    },
  };
}

function exchangeFacts(shared: Map<string, number>, { found, ended }: FactMessage, now: number): StoredFact[] {
  for (const [field, forMs] of found) shared.set(field, Math.max(shared.get(field) ?? 0, now + forMs));
  for (const [field, until] of ended) if ((shared.get(field) ?? 0) <= until) shared.delete(field);
  for (const [field, until] of shared) if (until <= now) shared.delete(field);
  return [...shared].map(([field, until]) => ({ field, leftMs: until - now, until }));
}
