import { describe, expect, it } from 'vitest';
import { commandsOf } from '../../src/redis/commands.js';
import {
  answerClaim,
  type Claim,
  type Grant,
  type LedgerState,
  type LedgerWindow,
  windowAt,
} from '../../src/redis/ledger/ledger.js';
import { redisFleetStore } from '../../src/redis/redis-store.js';
import { SCRIPT } from '../../src/redis/script.js';
import type { FleetStore } from '../../src/redis/store.js';
import { seededRandom } from '../../src/simulate/seeded-random.js';
import { hasRedis, useRedis } from '../helpers/redis.js';

/** Removes fields that depend on the time, or are names. */
const comparable = ({ endsInMs: _ends, epoch: _epoch, rebuildMs, ...rest }: Grant) => ({
  ...rest,
  isRebuilding: rebuildMs > 0,
});

describe.skipIf(!hasRedis)('the script on a real server', () => {
  const redis = useRedis();

  /** Sends valid and invalid claims of workers to the script and to the function: both must grant the same. */
  async function compare(window: LedgerWindow, seed: number, store: FleetStore, now: () => number | Promise<number>) {
    const random = seededRandom(seed);
    const rules = { limit: 4e14, window, outageShare: 0.05, heartbeatMs: 60_000, lost: 'count' as const };
    const granted: [script: Grant | undefined, own: Grant | undefined][] = [];
    let state: LedgerState | undefined;
    const seqs = new Map<string, number>();
    const last = new Map<string, Grant>();
    const epochs = new Map<string, string>();
    for (let i = 0; i < 300; i++) {
      const worker = `w${Math.floor(random() * 4)}`;
      const before = last.get(worker);
      const seq = (seqs.get(worker) ?? 0) + (random() < 0.1 ? 0 : 1);
      seqs.set(worker, seq);
      const have = Math.floor((before?.allowance ?? 0) * (random() < 0.8 ? 1 : random()));
      const settled = Math.floor(have * random());
      const need = have + Math.floor(random() * 3e11);
      const claim: Claim = {
        worker,
        seq,
        ack: random() < 0.02 ? seq + 5 : Math.max(0, seq - 1),
        epoch: random() < 0.03 ? 'another' : (state?.epoch ?? ''),
        window: before === undefined ? -1 : random() < 0.05 ? before.window - 1 : before.window,
        have,
        need,
        want: need + Math.floor(random() * 2e11),
        // Now and then a call so large that what may be granted within a heartbeat is not enough for one of each worker.
        most: Math.floor(1e9 + random() * (random() < 0.1 ? 2e13 : 9e9)),
        settled,
        next: before?.next ?? 0,
        seen: before?.seen ?? 0,
        leaving: random() < 0.03,
      };
      const at = await now();
      const remote = { ...claim, epoch: claim.epoch === state?.epoch ? (epochs.get('server') ?? '') : claim.epoch };
      const message = { name: `same-${window}-${seed}`, worker, heartbeatMs: 60_000, facts: undefined };
      const reply = await store.exchange({ ...message, claims: [{ key: 'budget', rules, claim: remote }] });
      const local = answerClaim(state, rules, claim, at, `e${i}`, false);
      state = local.state;
      const [grant] = reply.grants;
      granted.push([grant, local.grant]);
      if (grant !== undefined) epochs.set('server', grant.epoch);
      if (local.grant !== undefined) last.set(worker, local.grant);
    }
    return { granted, state };
  }

  it.each<LedgerWindow>(['hour', 'day', 'month', 3_600_000, 'rate'])(
    'returns the same as the function in TypeScript: window %s',
    async (window) => {
      const store = redisFleetStore(commandsOf('client', redis.client));
      const { granted, state } = await compare(window, 11, store, Date.now);
      for (const [i, [script, own]] of granted.entries())
        expect(script && comparable(script), `claim ${i}`).toEqual(own && comparable(own));
      const { window: number } = windowAt(window, Date.now());
      expect(state?.window).toBe(number);
    },
  );

  it.each<[LedgerWindow, stepMs: number]>([
    ['hour', 600_000],
    ['day', 12_000_000],
    ['month', 400_000_000],
    [3_600_000, 600_000],
  ])('returns the same while windows end: window %s', async (window, stepMs) => {
    const commands = commandsOf('client', redis.client);
    const random = seededRandom(5);
    let time = Date.UTC(2027, 11, 31, 23, 30);
    const from = windowAt(window, time).window;
    // The server's clock is a key in this test, so that a leap year and many windows pass.
    const script = SCRIPT.replace("redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')");
    const store = redisFleetStore({
      ...commands,
      send: (key, [, , ...rest]) => commands.send(key, ['EVAL', script, ...rest]),
    });
    const now = async () => {
      time += Math.floor(random() * (random() < 0.2 ? stepMs : 60_000));
      await redis.client.hSet('clock', { s: `${Math.floor(time / 1000)}`, us: `${(time % 1000) * 1000}` });
      return time;
    };
    const { granted, state } = await compare(window, 5, store, now);
    for (const [i, [theirs, own]] of granted.entries())
      expect(theirs && { ...theirs, epoch: '' }, `claim ${i}`).toEqual(own && { ...own, epoch: '' });
    if (typeof window === 'string') expect((state?.window ?? 0) - from).toBeGreaterThanOrEqual(4);
    await redis.client.del('clock');
  });

  it('gives every key a time to live', async () => {
    const keys = await redis.client.keys('*');
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) expect(await redis.client.pTTL(key), key).toBeGreaterThan(0);
  });

  it('is sent again if the server has forgotten it', async () => {
    await redis.client.scriptFlush();
    const store = redisFleetStore(commandsOf('client', redis.client));
    const message = { name: 'flushed', worker: 'w', heartbeatMs: 1000, claims: [], facts: undefined };
    await expect(store.exchange(message)).resolves.toMatchObject({ grants: [] });
    await expect(store.exchange(message)).resolves.toMatchObject({ grants: [] });
    expect(redis.server.cli('INFO', 'commandstats')).toMatch(/cmdstat_eval:calls=[1-9]/);
  });
});
