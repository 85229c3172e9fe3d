import assert from 'node:assert/strict';
import type { Claim, Grant, LedgerRules } from '../redis/ledger/ledger.js';
import type { FleetMessage, FleetReply, FleetStore } from '../redis/store.js';
import type { TestRunner } from './cache-store-contract.js';

const RULES: LedgerRules = { limit: 1_000_000, window: 'month', outageShare: 0, heartbeatMs: 60_000, lost: 'count' };

/**
 * Tests that any store of a fleet must pass: `fleetStoreContract({ describe, it }, 'my store', () => new MyStore(),
 * waitMs)`. `create` gives the same storage each time, or another one; the tests use fleets and keys of their own.
 * `waitMs` lets that many milliseconds pass, on a fake clock or a real one.
 */
export function fleetStoreContract(
  { describe, it }: TestRunner,
  name: string,
  create: () => FleetStore | Promise<FleetStore>,
  waitMs: (ms: number) => Promise<unknown>,
): void {
  describe(name, () => {
    it('grants what is there, and remembers it', async () => {
      const one = await join(create, 'grants', 'w1');
      const grant = await one.claim({ need: 1000, want: 3000, most: 1000 });
      assert.ok(grant !== undefined && grant.allowance >= 1000);
      const two = await join(create, 'grants', 'w2', one.fleet);
      const other = await two.claim({ need: 1_000_000, want: 1_000_000, most: 1000 });
      assert.ok(other !== undefined && other.allowance + grant.allowance <= RULES.limit);
    });

    it('never grants more than the limit, however many ask at once', async () => {
      const first = await join(create, 'limit', 'w0');
      const members = await Promise.all(
        Array.from({ length: 8 }, (_, i) => join(create, 'limit', `w${i + 1}`, first.fleet)),
      );
      const grants = await Promise.all(
        members.map((each) => each.claim({ need: 400_000, want: 400_000, most: 400_000 })),
      );
      const sum = grants.reduce((total, grant) => total + (grant?.allowance ?? 0), 0);
      assert.ok(sum <= RULES.limit, `${sum} of ${RULES.limit}`);
      assert.ok(sum >= 400_000, `${sum} of ${RULES.limit}`);
    });

    it('ignores a claim that a later one of the same worker has overtaken', async () => {
      const member = await join(create, 'late', 'w1');
      const claim = { need: 1000, want: 1000, most: 1000 };
      await member.claim(claim, 5);
      assert.equal(await member.claim(claim, 5), undefined);
      assert.equal(await member.claim(claim, 3), undefined);
      assert.notEqual(await member.claim(claim, 6), undefined);
    });

    it('lowers an allowance only when the worker says so', async () => {
      const one = await join(create, 'lower', 'w1');
      const grant = await one.claim({ need: 600_000, want: 600_000, most: 600_000 });
      assert.equal(grant?.allowance, 600_000);
      const two = await join(create, 'lower', 'w2', one.fleet);
      assert.equal((await two.claim({ need: 600_000, want: 600_000, most: 600_000 }))?.allowance, 400_000);
      await one.claim({ have: 100_000, need: 100_000, want: 100_000, most: 1 });
      assert.equal((await two.claim({ have: 400_000, need: 600_000, want: 600_000, most: 1 }))?.allowance, 600_000);
    });

    it('takes in what a worker says that it has, where it has lost data, and raises nothing meanwhile', async () => {
      const member = await join(create, 'lost', 'w1');
      const grant = await member.claim(
        { epoch: 'of a lost state', have: 5000, need: 9000, want: 9000, most: 1000 },
        7,
        6,
      );
      assert.ok(grant !== undefined && grant.rebuildMs > 0);
      assert.equal(grant.allowance, 5000);
    });

    it('counts what a worker has spent after it has left', async () => {
      const one = await join(create, 'left', 'w1');
      await one.claim({ need: 600_000, want: 600_000, most: 1 });
      await one.claim({ have: 300_000, need: 300_000, want: 300_000, settled: 300_000, most: 1, leaving: true });
      const two = await join(create, 'left', 'w2', one.fleet);
      const grant = await two.claim({ need: 900_000, want: 900_000, most: 1 });
      assert.equal(grant?.allowance, 700_000);
      assert.equal(grant.spent, 300_000);
    });

    it('keeps fleets apart', async () => {
      const one = await join(create, 'apart', 'w1');
      await one.claim({ need: 1_000_000, want: 1_000_000, most: 1 });
      const other = await join(create, 'apart-too', 'w1');
      assert.equal((await other.claim({ need: 1000, want: 1000, most: 1 }))?.allowance, 1000);
    });

    it('shares facts: the longest wins, they end by themselves, and a process that has seen one end may end it', async () => {
      const one = await join(create, 'facts', 'w1');
      const two = await join(create, 'facts', 'w2', one.fleet);
      await one.facts([['p:a', 60_000]]);
      await one.facts([['p:a', 5000]]);
      await one.facts([['p:short', 200]]);
      const seen = (await two.facts()).find(({ field }) => field === 'p:a');
      assert.ok(seen !== undefined && seen.leftMs > 50_000 && seen.leftMs <= 60_000);
      await waitMs(250);
      assert.deepEqual(
        (await two.facts()).map(({ field }) => field),
        ['p:a'],
      );
      await two.facts([], [['p:a', seen.until - 1]]);
      assert.equal((await one.facts()).length, 1);
      await two.facts([], [['p:a', seen.until]]);
      assert.deepEqual(await one.facts(), []);
    });
  });
}

/** A unique name, so that fleets of earlier runs on the same storage do not matter. */
function unique(name: string): string {
  return `contract-${name}-${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;
}

async function join(
  create: () => FleetStore | Promise<FleetStore>,
  name: string,
  worker: string,
  from?: { readonly store: FleetStore; readonly name: string },
) {
  const fleet = from ?? { store: await create(), name: unique(name) };
  let seq = 0;
  let last: Grant | undefined;
  const send = (more: Partial<FleetMessage>): Promise<FleetReply> =>
    fleet.store.exchange({
      name: fleet.name,
      worker,
      heartbeatMs: RULES.heartbeatMs,
      claims: [],
      facts: undefined,
      ...more,
    });
  return {
    fleet,
    claim: async (
      claim: Partial<Claim>,
      number = seq + 1,
      ack = last === undefined ? 0 : seq,
    ): Promise<Grant | undefined> => {
      const full: Claim = {
        worker,
        seq: number,
        ack,
        epoch: last?.epoch ?? '',
        window: last?.window ?? -1,
        have: 0,
        need: 0,
        want: 0,
        most: 0,
        settled: 0,
        next: 0,
        seen: 0,
        leaving: false,
        ...claim,
      };
      const { grants } = await send({ claims: [{ key: 'budget', rules: RULES, claim: full }] });
      if (grants[0] !== undefined) {
        last = grants[0];
        seq = number;
      }
      return grants[0];
    },
    facts: async (
      found: readonly (readonly [string, number])[] = [],
      ended: readonly (readonly [string, number])[] = [],
    ) => (await send({ facts: { found, ended } })).facts,
  };
}
