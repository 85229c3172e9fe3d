import { getEventListeners, setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelRouter } from 'model-router';
import { startFakeProvider } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { collectGarbage } from './garbage.ts';
import { CACHE, faulty, mixedCall } from './mix.ts';
import { count } from './tally.ts';

const AT_ONCE = 50;
const MOST_MS = 10;
const PATIENCE_MS = 5000;

export interface OnSockets {
  /** Sockets, servers and timers that keep the process alive, in addition to those from before. */
  readonly left: number;
  readonly listeners: number;
  /** Upstream calls that still run when all callers have their answers. */
  readonly open: number;
  readonly broken: ReadonlyMap<string, number>;
}

/** The same mix on real sockets and in real time, a few calls at a time. */
export async function runOnSockets(calls: number, seed: number): Promise<OnSockets> {
  const broken = new Map<string, number>();
  const random = mulberry32(seed);
  const before = process.getActiveResourcesInfo().length;
  const script = (offset: number, share: number) => faulty(mulberry32(seed + offset), share, MOST_MS);
  const primary = await startFakeProvider({ models: { m: script(1, 0.12) }, keep: 0 });
  const second = await startFakeProvider({ models: { m: script(2, 0.04) }, keep: 0 });
  const router = new ModelRouter({
    clients: {
      primary: { apiKey: 'sk-drill', baseURL: primary.url, logLevel: 'off' },
      second: { apiKey: 'sk-drill', baseURL: second.url, logLevel: 'off' },
    },
    deployments: { primary: { client: 'primary', model: 'm' }, second: { client: 'second', model: 'm' } },
    routes: { standard: ['primary', 'second'] },
    deadlineMs: 2000,
    attemptTimeoutMs: 200,
    chunkTimeoutMs: 200,
    breaker: { cooldownMs: 50 },
    cache: CACHE,
    random,
    logLevel: 'off',
  });
  const { signal: shared } = new AbortController();
  setMaxListeners(0, shared);
  const signals: AbortSignal[] = [shared];
  let made = 0;
  const caller = async (): Promise<void> => {
    while (made < calls) {
      made += 1;
      const call = mixedCall(router, random, shared, MOST_MS);
      if (call.signal !== undefined) signals.push(call.signal);
      const settled = call.promise.then(ignore, (error: unknown) => {
        if (!(error instanceof Error)) count(broken, 'a rejection that is no Error');
      });
      await within(settled, () => count(broken, `a call that never settled (${call.kind})`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));

  const openNow = () => primary.open + second.open;
  const isBusy = () => Object.values(router.snapshot().deployments).some((each) => each.inFlight !== 0);
  const isAtRest = () => openNow() === 0 && !isBusy();
  // Dropped streams end when they are garbage-collected.
  for (let round = 0; round < 20 && !isAtRest(); round += 1) {
    await collectGarbage(isAtRest, 3);
    await sleep(20);
  }
  await until(isAtRest);
  const open = openNow();
  const listeners = Math.max(...signals.map((signal) => getEventListeners(signal, 'abort').length));
  if (isBusy()) count(broken, 'an attempt that is counted as in flight');
  await router.close();
  await primary.close();
  await second.close();
  const left = () => Math.max(0, process.getActiveResourcesInfo().length - before);
  await until(() => left() === 0);
  return { left: left(), listeners, open, broken };
}

/** Continues without a promise that does not settle. */
async function within(promise: Promise<void>, onLate: () => void): Promise<void> {
  const late = new AbortController();
  const patience = sleep(PATIENCE_MS, undefined, { signal: late.signal }).then(onLate, ignore);
  await Promise.race([promise, patience]);
  late.abort();
}

function ignore(): void {}

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo() && performance.now() < end) await sleep(5);
}
