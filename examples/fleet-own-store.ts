// A fleet without Redis: your own store, here a SQLite file that all processes of one machine open. The test kit's
// contract checks it; then two routers spend one budget. A Postgres table looks the same, in a transaction.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { ModelRouter, SpendBudgetExceededError } from 'model-router';
import { answerClaim, type FleetStore, type LedgerState, storeFleet } from 'model-router/redis';
import { answer, fakeFetch, fleetStoreContract } from 'model-router/testing';

type Facts = Record<string, number>;

class SqliteFleetStore implements FleetStore {
  readonly #db: DatabaseSync;

  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(`PRAGMA busy_timeout = 1000; CREATE TABLE IF NOT EXISTS fleet (id TEXT PRIMARY KEY, value TEXT)`);
  }

  async exchange({ name, worker, claims, facts }: Parameters<FleetStore['exchange']>[0]) {
    const now = Date.now();
    // All or nothing, and one process at a time.
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const grants = claims.map(({ key, rules, claim }) => {
        const id = `${name} ${key}`;
        const { state, grant } = answerClaim(this.#ledger(id), rules, claim, now, crypto.randomUUID(), false);
        this.#write(id, { ...state, workers: [...state.workers] });
        return grant;
      });
      const shared = this.#read<Facts>(`${name} facts`) ?? {};
      for (const [field, forMs] of facts?.found ?? []) shared[field] = Math.max(shared[field] ?? 0, now + forMs);
      const isOver = (field: string, until: number) =>
        until <= now || (facts?.ended ?? []).some(([ended, at]) => ended === field && until <= at);
      const left = Object.entries(shared).filter(([field, until]) => !isOver(field, until));
      this.#write(`${name} facts`, Object.fromEntries(left));
      this.#db.exec('COMMIT');
      // A lost file is another epoch: if that can happen, name the epoch after something that is lost with the file.
      const stored = left.map(([field, until]) => ({ field, until, leftMs: until - now }));
      return { epoch: 'file', version: 1, grants, facts: facts === undefined ? [] : stored };
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw new Error(`The ledger of ${worker} is not written.`, { cause: error });
    }
  }

  close(): void {
    this.#db.close();
  }

  #ledger(id: string): LedgerState | undefined {
    const state = this.#read<Omit<LedgerState, 'workers'> & { workers: [] }>(id);
    return state && { ...state, workers: new Map(state.workers) };
  }

  #read<T>(id: string): T | undefined {
    const row = this.#db.prepare('SELECT value FROM fleet WHERE id = ?').get(id);
    return row === undefined ? undefined : JSON.parse(String(row.value));
  }

  #write(id: string, value: unknown): void {
    this.#db.prepare('INSERT OR REPLACE INTO fleet (id, value) VALUES (?, ?)').run(id, JSON.stringify(value));
  }
}

const dir = mkdtempSync(join(tmpdir(), 'fleet-'));
const opened: SqliteFleetStore[] = [];
function open(): SqliteFleetStore {
  const store = new SqliteFleetStore(join(dir, 'fleet.db'));
  opened.push(store);
  return store;
}
after(() => {
  for (const store of opened) store.close();
  rmSync(dir, { recursive: true });
});

const waitMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
fleetStoreContract({ describe, it }, 'a fleet in SQLite', open, waitMs);

it('is spent once, not once by each process', async () => {
  // Two cents a call.
  const fetch = fakeFetch(answer({ usage: { inputTokens: 10, outputTokens: 1000 } }));
  const routers = [open(), open()].map(
    (store) =>
      new ModelRouter({
        clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'http://fake.test/v1', fetch } },
        deployments: { model: { price: { input: 0.25, output: 20 }, maxOutputTokens: 1000 } },
        routes: { standard: ['model'] },
        budgets: [{ usd: 1, window: 'month' }],
        fleet: storeFleet(store, { name: 'example' }),
        maxAttempts: 1,
        logLevel: 'off',
      }),
  );
  let answered = 0;
  for (let i = 0; i < 80; i++) {
    try {
      const messages = [{ role: 'user' as const, content: 'Hello.' }];
      await routers[i % 2]?.chat.completions.create({ model: 'standard', messages });
      answered += 1;
    } catch (error) {
      assert(error instanceof SpendBudgetExceededError);
    }
  }
  for (const router of routers) await router.close();
  console.log(
    `Two routers on one file: ${answered} calls at two cents, $${(answered * 0.02).toFixed(2)} of one dollar.`,
  );
  assert(answered * 0.02 <= 1);
  assert(answered >= 30);
});
