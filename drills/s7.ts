import { getEventListeners, setMaxListeners } from 'node:events';
import { ModelRouter } from 'model-router';
import { type FakeFetch, fakeFetch } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { inVirtualTime, type VirtualClock } from './clock.ts';
import { collectGarbage } from './garbage.ts';
import { HeapWatch } from './heap.ts';
import { CACHE, faulty, MIX_IN_WORDS, type MixedCall, mixedCall } from './mix.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { runOnSockets } from './s7-sockets.ts';
import { count } from './tally.ts';

const MOST_MS = 50;
const DEADLINE_MS = 500;
const AT_ONCE = 25;
const EVERY_MS = 20;
const MOST_BATCHES = 50;
const LEAST_CALLS = 1000;
/** A call that has not settled by then never will. */
const GRACE_MS = 60_000;
/** Until then caches, windows and compiled code are filled. */
const WARM_UP = 0.4;

export interface S7Options extends DrillOptions {
  /** Calls in virtual time. */
  readonly calls: number;
  /** Calls in real time, on loopback. */
  readonly socketCalls: number;
  /** Whether to measure the heap, which is useless after a few calls. @default true */
  readonly heap?: boolean;
}

/** S7: many calls of all kinds, which must leave nothing behind. */
export async function run({ calls, socketCalls, heap = true, seed, onProgress }: S7Options): Promise<DrillResult> {
  const soak = await inVirtualTime((clock) =>
    soakIn(clock, calls, seed, heap ? new HeapWatch() : undefined, onProgress),
  );
  const sockets = await runOnSockets(socketCalls, seed);
  const { broken } = soak;
  for (const [what, times] of sockets.broken) count(broken, `on sockets: ${what}`, times);
  return resultOf({
    drill: 'S7',
    faults: `${MIX_IN_WORDS}; 2 deployments, of which 12 % and 4 % of the calls go wrong`,
    size: `${calls} calls in virtual time, ${socketCalls} on sockets`,
    measured: {
      ...(soak.heapSlope !== undefined && { 'heap per 1000 calls': soak.heapSlope }),
      'timers left': soak.timers,
      'listeners left': soak.listeners + sockets.listeners,
      'upstream calls left': soak.open + sockets.open,
      'sockets left': sockets.left,
      late: soak.lateMs,
    },
    targets: {
      ...(soak.heapSlope !== undefined && { 'heap per 1000 calls': atMost(1, 'KB') }),
      'timers left': atMost(0, 'timers'),
      'listeners left': atMost(0, 'listeners'),
      'upstream calls left': atMost(0, 'calls'),
      'sockets left': atMost(0, 'sockets'),
      late: atMost(0, 'ms'),
    },
    broken,
  });
}

interface Soaked {
  readonly heapSlope: number | undefined;
  readonly timers: number;
  readonly listeners: number;
  readonly open: number;
  readonly lateMs: number;
  readonly broken: Map<string, number>;
}

/** Batches of calls. When the last call of a batch settles, nothing may be left of them. */
async function soakIn(
  clock: VirtualClock,
  calls: number,
  seed: number,
  heap: HeapWatch | undefined,
  onProgress: DrillOptions['onProgress'],
): Promise<Soaked> {
  const random = mulberry32(seed);
  const upstreams = [
    fakeFetch(faulty(mulberry32(seed + 1), 0.12, MOST_MS), { keep: 0, name: 'primary', random }),
    fakeFetch(faulty(mulberry32(seed + 2), 0.04, MOST_MS), { keep: 0, name: 'second', random }),
  ] as const;
  const timersBefore = clock.timers;
  const router = openRouter(upstreams, random);
  const rotation = clock.timers - timersBefore;
  const { signal: shared } = new AbortController();
  setMaxListeners(0, shared);
  const broken = new Map<string, number>();
  const found = { timers: 0, listeners: 0, open: 0, lateMs: 0 };
  let attempts = 0;
  let ended = 0;
  router.on('call-ended', ({ record }) => {
    ended += 1;
    for (const { resends } of record.attempts) attempts += 1 + resends;
    if (record.attempts.some(({ outcome }) => outcome === 'pending')) count(broken, 'an attempt without an outcome');
    if (record.cache === 'refresh') refreshes += 1;
  });
  let refreshes = 0;

  const batches = Math.max(1, Math.min(MOST_BATCHES, Math.floor(calls / LEAST_CALLS)));
  let made = 0;
  for (let batch = 1; batch <= batches; batch += 1) {
    const until = Math.floor((calls * batch) / batches);
    const signals: AbortSignal[] = [];
    let running = 0;
    const start = (): void => {
      made += 1;
      running += 1;
      const call = mixedCall(router, random, shared, MOST_MS);
      if (call.signal !== undefined) signals.push(call.signal);
      settle(call, performance.now());
    };
    const settle = ({ kind, promise }: MixedCall, startedAt: number): void => {
      const end = (error?: unknown): void => {
        running -= 1;
        if (error !== undefined && !(error instanceof Error)) count(broken, 'a rejection that is no Error');
        // A stream's deadline covers its first content, and an unread body's its headers.
        if (!/stream|left|unread/.test(kind)) {
          found.lateMs = Math.max(found.lateMs, performance.now() - startedAt - DEADLINE_MS);
        }
      };
      promise.then(() => end(), end);
    };
    const burst = (): void => {
      for (let i = 0; i < AT_ONCE && made < until; i += 1) start();
      if (made < until) setTimeout(burst, EVERY_MS);
    };
    burst();
    await clock.flush();
    const giveUp = performance.now() + GRACE_MS + ((until - made) / AT_ONCE) * EVERY_MS;
    while ((made < until || running > 0) && performance.now() < giveUp) await clock.step();
    if (running > 0) count(broken, 'a call that never settled', running);
    // Background refreshes have no caller to wait for.
    const isAtRest = () => ended >= made + refreshes && upstreams.every(({ open }) => open === 0);
    while (!isAtRest() && clock.timers > 0) {
      const before = performance.now();
      await clock.step();
      if (performance.now() - before > DEADLINE_MS) break;
    }
    // Dropped streams end when they are garbage-collected.
    await collectGarbage(isAtRest, 30);
    await clock.finishMoment();

    const deployments = Object.values(router.snapshot().deployments);
    const breakers = deployments.filter(({ state }) => state === 'open').length;
    found.timers = Math.max(found.timers, clock.timers - timersBefore - rotation - breakers);
    const listening = [shared, ...signals].map((signal) => getEventListeners(signal, 'abort').length);
    found.listeners = Math.max(found.listeners, ...listening);
    found.open = Math.max(found.open, upstreams[0].open + upstreams[1].open);
    if (deployments.some(({ inFlight }) => inFlight !== 0)) count(broken, 'an attempt that is counted as in flight');
    if (ended !== made + refreshes) count(broken, `${ended} calls ended of ${made} and ${refreshes} refreshes`);
    const sent = upstreams[0].count + upstreams[1].count;
    if (attempts !== sent) count(broken, `${attempts} attempts in records of ${sent} upstream calls`);
    await heap?.sample(made);
    onProgress?.(batch / batches);
  }
  await router.close();
  found.timers = Math.max(found.timers, clock.timers - timersBefore);
  return { ...found, heapSlope: heap?.slopeFrom(calls * WARM_UP), broken };
}

function openRouter([primary, second]: readonly [FakeFetch, FakeFetch], random: () => number): ModelRouter {
  const client = (name: string, fetch: FakeFetch) =>
    ({ apiKey: 'sk-drill', baseURL: `http://${name}.test/v1`, fetch, logLevel: 'off' }) as const;
  return new ModelRouter({
    clients: { primary: client('primary', primary), second: client('second', second) },
    deployments: { primary: { client: 'primary', model: 'm' }, second: { client: 'second', model: 'm' } },
    routes: { standard: ['primary', 'second'] },
    deadlineMs: DEADLINE_MS,
    chunkTimeoutMs: 100,
    breaker: { cooldownMs: 1000 },
    cache: CACHE,
    random,
    logLevel: 'off',
  });
}
