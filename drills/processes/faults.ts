import { type BillingProvider, startProvider } from './provider.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { bundleWorker, type Fleet, sleep, startFleet } from './run.ts';
import type { WorkerReport, WorkerSettings } from './worker.ts';

/** F1 burst, F2 processes killed and stopped, F3 Redis killed and stopped, F4 data loss, F5 network, F6 windows and clocks. */
export type Fault = 'f1' | 'f2' | 'f3' | 'f4' | 'f5' | 'f6';

export interface FaultSettings {
  readonly fault: Fault;
  readonly processes: number;
  /** Milliseconds between one blow and the next. */
  readonly stepMs: number;
}

export interface FaultResult {
  readonly limitUsd: number;
  /** What the provider charged, and the most within a window of the budget. */
  readonly billedUsd: number;
  readonly mostUsd: number;
  readonly answers: number;
  readonly refused: number;
  /** Calls that failed of anything but the budget. */
  readonly failed: number;
  /** The share of calls that waited for the ledger. */
  readonly waitedShare: number;
  /** The longest that a call waited, in milliseconds. */
  readonly longestWaitMs: number;
  readonly reports: readonly WorkerReport[];
}

/** A call that takes longer than this to be sent or refused has waited. */
const WAITED_MS = 20;
const WINDOW_MS = 4000;

interface Scene {
  readonly fleet: Fleet;
  readonly server: RedisServer;
  readonly proxy: NetworkProxy;
  readonly provider: BillingProvider;
  readonly stepMs: number;
}

/** What happens to a running fleet, blow by blow. */
const BLOWS: Readonly<Record<Fault, (scene: Scene) => Promise<void>>> = {
  f1: async ({ stepMs }) => {
    await sleep(3 * stepMs);
  },
  f2: async ({ fleet, stepMs }) => {
    const added: Promise<unknown>[] = [];
    for (const [i, worker] of fleet.workers.slice().entries()) {
      if (i % 2 === 0) {
        await sleep(stepMs / 2);
        worker.kill();
        added.push(fleet.add());
      } else if (i % 4 === 1) worker.freeze(2 * stepMs);
    }
    await Promise.all(added);
    await sleep(3 * stepMs);
  },
  f3: async ({ server, stepMs }) => {
    await sleep(stepMs);
    server.signal('SIGSTOP');
    await sleep(2 * stepMs);
    server.signal('SIGCONT');
    await sleep(stepMs);
    await server.kill();
    await sleep(2 * stepMs);
    await server.restart();
    await sleep(stepMs);
    server.cli('CLIENT', 'PAUSE', String(stepMs), 'ALL');
    await sleep(3 * stepMs);
  },
  f4: async ({ server, stepMs }) => {
    await sleep(stepMs);
    server.cli('FLUSHALL');
    await sleep(stepMs);
    server.cli('SCRIPT', 'FLUSH');
    server.cli('SAVE');
    // Long enough that every process has spoken since: what they were told, they remember.
    await sleep(Math.max(stepMs, 2500));
    server.cli('CONFIG', 'SET', 'appendonly', 'no');
    await server.kill();
    await server.restart();
    await sleep(2 * stepMs);
    server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    server.cli('CONFIG', 'SET', 'maxmemory', '1');
    await sleep(stepMs);
    server.cli('CONFIG', 'SET', 'maxmemory', '0');
    await sleep(3 * stepMs);
  },
  f5: async ({ proxy, stepMs }) => {
    await sleep(stepMs);
    proxy.mode = 'delay';
    await sleep(2 * stepMs);
    proxy.mode = 'pass';
    for (let i = 0; i < 4; i++) {
      await sleep(stepMs / 4);
      proxy.cut();
    }
    proxy.mode = 'hold';
    await sleep(2 * stepMs);
    proxy.mode = 'pass';
    proxy.cut();
    await sleep(stepMs);
    proxy.mode = 'duplicate';
    await sleep(stepMs);
    proxy.mode = 'pass';
    proxy.cut();
    await sleep(3 * stepMs);
  },
  f6: async ({ fleet, server, stepMs }) => {
    await sleep(WINDOW_MS);
    server.signal('SIGSTOP');
    await sleep(WINDOW_MS / 2);
    server.signal('SIGCONT');
    fleet.workers[0]?.kill();
    void fleet.add().catch(() => undefined);
    await sleep(WINDOW_MS + 2 * stepMs);
  },
};

/** Runs a fleet of real processes against a real server, with one kind of fault. */
export async function runFault({ fault, processes, stepMs }: FaultSettings): Promise<FaultResult> {
  const isSliding = fault === 'f6';
  const aof = fault === 'f3' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const [server, provider, bundle] = await Promise.all([
    startRedis(...aof),
    startProvider(isSliding ? WINDOW_MS : undefined),
    bundleWorker(),
  ]);
  const proxy = await startProxy(server.port);
  // All together want about three times as much as there is.
  const callsPerSecond = Math.max(1, 64 / processes);
  const limitUsd = 24;
  const settings: WorkerSettings = {
    provider: provider.url,
    redis: `redis://127.0.0.1:${fault === 'f5' ? proxy.port : server.port}`,
    library: 'redis',
    budgets: [isSliding ? { usd: limitUsd, windowMs: WINDOW_MS } : { usd: limitUsd, window: 'month' }],
    // A burst of a thousand calls keeps the machine busy: there the question is what is spent, not how fast.
    fleet: { name: `drill-${fault}`, timeoutMs: fault === 'f1' ? 2000 : 100 },
    callsPerSecond: fault === 'f1' ? 0 : callsPerSecond,
    burst: fault === 'f1' ? Math.ceil(1000 / processes) : 0,
    clockMs: isSliding ? 3_600_000 : 0,
  };
  const fleet = await startFleet(bundle.file, processes, settings);
  try {
    fleet.go();
    await BLOWS[fault]({ fleet, server, proxy, provider, stepMs });
    const reports = await fleet.stop();
    const waits = reports.flatMap((report) => report.waits);
    return {
      limitUsd,
      billedUsd: provider.billed,
      mostUsd: provider.most,
      answers: provider.answers,
      refused: reports.reduce((sum, { refused }) => sum + refused, 0),
      failed: reports.reduce((sum, { failed }) => sum + failed, 0),
      waitedShare: waits.filter((ms) => ms > WAITED_MS).length / Math.max(1, waits.length),
      longestWaitMs: Math.max(0, ...waits),
      reports,
    };
  } finally {
    for (const { kill } of fleet.workers) kill();
    proxy.close();
    provider.close();
    await server.stop();
    bundle.remove();
  }
}
