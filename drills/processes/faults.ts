import { cpus } from 'node:os';
import { startProvider } from './provider.ts';
import { type NetworkProxy, startProxy } from './proxy.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { bundleWorker, type Fleet, sleep, startFleet } from './run.ts';
import type { CallReport, WorkerReport, WorkerSettings } from './worker.ts';

/** F1 burst, F2 processes killed and stopped, F3 Redis killed and stopped, F4 data loss, F5 network, F6 windows and clocks. */
export type Fault = 'f1' | 'f2' | 'f3' | 'f4' | 'f5' | 'f6';

export interface FaultSettings {
  readonly fault: Fault;
  readonly processes: number;
  readonly heartbeatMs: number;
  /** A stopped process continues after this many milliseconds. */
  readonly frozenMs: number;
}

export interface FaultResult {
  readonly limitUsd: number;
  /** What the provider charged under the scarce budget, and the most within one of its windows. */
  readonly billedUsd: number;
  readonly mostUsd: number;
  readonly answers: number;
  readonly refused: number;
  /** Calls that failed for another reason than the budget. */
  readonly failed: number;
  /** The longest that a call waited, in milliseconds. */
  readonly longestWaitMs: number;
  readonly timeoutMs: number;
  /** Before the first fault, while the budget lasts. */
  readonly calm: Calm;
  /** Milliseconds until every process got grants as before, after the server was away, and after it had lost data. */
  readonly recoveryMs: { readonly away: number; readonly lost: number };
  /** What the machine had for its processes, before the first fault, and while the fleet recovered: at its worst. */
  readonly machine: { readonly calm: Machine; readonly recovery: Machine };
  /**
   * Dollars that the ledger counts after all processes have ended, beyond the bill; and how many processes were killed.
   */
  readonly strandedUsd: number;
  readonly kills: number;
  readonly warnings: readonly (readonly string[])[];
  readonly errors: readonly string[];
}

/** How much of a time was the machine's fault. */
export interface Machine {
  /** The latest that a timer of any process was, in milliseconds. */
  readonly lateMs: number;
  /** The part of the time that its processors were busy, from 0 to 1. */
  readonly busy: number;
}

export interface Calm {
  readonly calls: number;
  readonly refused: number;
  /** Calls that waited for the ledger. */
  readonly waited: number;
  /**
   * Commands that Redis has run, and the limit for all processes together: one per heartbeat, plus one per four calls.
   */
  readonly commands: number;
  readonly mostCommands: number;
}

/** The highest possible cost of one call, and the actual cost. */
export const CALL_USD = 0.100_01;
const MEAN_USD = 0.07;
/** Calls per second of all processes together, on the scarce budget. */
const SCARCE_PER_SECOND = 64;
/** All processes together want this many times the budget. */
const DEMAND = 3;
/** The budgets that are never scarce. */
export const PLENTY_USD = 1000;
/** Processes are new to each other for this many heartbeats; the first call of each comes one heartbeat after `go`. */
const WARM_UP_BEATS = 4;
/** Of all processes together: more would keep the machine busy, and the fleet from recovering. */
const PROBES_PER_SECOND = 160;
const CALM_BEATS = 8;
const WINDOW_BEATS = 4;
/** A fleet that has not recovered after this many heartbeats never will. */
const LOST_BEATS = 30;

interface Scene {
  readonly fleet: Fleet;
  readonly server: RedisServer;
  /** Takes over from it, in F4. */
  readonly replica: RedisServer | undefined;
  readonly proxy: NetworkProxy;
  readonly frozenMs: number;
  readonly recovered: (after: 'away' | 'lost') => Promise<void>;
}

/** After this many heartbeats, this action. */
type Blow = readonly [afterBeats: number, act?: (scene: Scene) => unknown];

const evicting = (server: RedisServer, policy: string, bytes: number) => {
  server.cli('CONFIG', 'SET', 'maxmemory-policy', policy);
  server.cli('CONFIG', 'SET', 'maxmemory', `${bytes}`);
};

const network =
  (mode: NetworkProxy['mode'] | 'cut') =>
  ({ proxy }: Scene) => {
    proxy.mode = mode === 'cut' ? 'pass' : mode;
    if (mode === 'cut') proxy.cut();
  };

/** The faults for a running fleet, in order. */
const BLOWS: Readonly<Record<Fault, (processes: number) => readonly Blow[]>> = {
  f1: () => [[8]],
  f2: (processes) => [
    ...Array.from({ length: processes }, (_, i): Blow => {
      if (i % 4 === 1) return [0, ({ fleet, frozenMs }) => fleet.workers[i]?.freeze(frozenMs)];
      if (i % 2 === 1) return [0];
      return [
        1,
        ({ fleet }) => {
          fleet.workers[i]?.kill();
          void fleet.add().catch(() => undefined);
        },
      ];
    }),
    // Until the stopped processes continue.
    [0, ({ frozenMs }) => sleep(frozenMs)],
    [4],
  ],
  f3: () => [
    [2, ({ server }) => server.signal('SIGSTOP')],
    [6, ({ server }) => server.signal('SIGCONT')],
    [0, ({ recovered }) => recovered('away')],
    [3, ({ server }) => server.kill()],
    [6, ({ server }) => server.restart()],
    [0, ({ recovered }) => recovered('away')],
    [3, ({ server }) => server.cli('CLIENT', 'PAUSE', '3000', 'ALL')],
    [3, ({ server }) => server.cli('CLIENT', 'UNPAUSE')],
    [0, ({ recovered }) => recovered('away')],
    [4],
  ],
  f4: () => [
    [2, ({ server }) => server.cli('FLUSHALL')],
    [0, ({ recovered }) => recovered('lost')],
    [2, ({ server }) => server.cli('SCRIPT', 'FLUSH')],
    [2, ({ server }) => evicting(server, 'allkeys-lru', 1)],
    [3, ({ server }) => evicting(server, 'noeviction', 0)],
    [0, ({ recovered }) => recovered('lost')],
    [2, ({ replica }) => replica?.cli('REPLICAOF', 'NO', 'ONE')],
    // Long enough that every process has sent a claim since: they remember the answers, and the replica does not.
    [
      2.5,
      ({ proxy, replica, server }) => {
        proxy.target = replica?.port ?? 0;
        return server.kill();
      },
    ],
    [0, ({ recovered }) => recovered('lost')],
    [4],
  ],
  f5: () => [
    [2, network('delay')],
    [4, network('pass')],
    ...Array.from({ length: 4 }, (): Blow => [0.5, network('cut')]),
    [1, network('hold')],
    [6, network('cut')],
    [0, ({ recovered }) => recovered('away')],
    [2, network('duplicate')],
    [3, network('cut')],
    [0, ({ recovered }) => recovered('away')],
    [4],
  ],
  f6: () => [
    [WINDOW_BEATS, ({ server }) => server.signal('SIGSTOP')],
    [WINDOW_BEATS / 2, ({ server }) => server.signal('SIGCONT')],
    [
      0,
      ({ fleet }) => {
        fleet.workers[0]?.kill();
        void fleet.add().catch(() => undefined);
      },
    ],
    [2 * WINDOW_BEATS],
  ],
};

/** Runs a fleet of real processes against a real server: first without faults, then with one kind of fault. */
export async function runFault({ fault, processes, heartbeatMs, frozenMs }: FaultSettings): Promise<FaultResult> {
  const blows = BLOWS[fault](processes);
  const windowMs = WINDOW_BEATS * heartbeatMs;
  const isSliding = fault === 'f6';
  const seconds = isSliding ? windowMs / 1000 : (blows.reduce((sum, [beats]) => sum + beats, 0) * heartbeatMs) / 1000;
  const burst = fault === 'f1' ? Math.ceil(1000 / processes) : 0;
  const limitUsd = burst > 0 ? 24 : (SCARCE_PER_SECOND * MEAN_USD * seconds) / DEMAND;
  // A burst of a thousand calls keeps the machine busy, so this checks what is spent, not how fast.
  const timeoutMs = burst > 0 ? 2000 : 100;
  const name = `drill-${fault}`;
  const aof = fault === 'f3' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  // First, because it may fail: nothing that would have to be stopped runs yet.
  const bundle = await bundleWorker();
  const server = await startRedis(...aof);
  const replica = fault === 'f4' ? await startRedis('--replicaof', '127.0.0.1', `${server.port}`) : undefined;
  const proxy = await startProxy(server.port);
  const provider = await startProvider(isSliding ? windowMs : undefined);
  const settings: WorkerSettings = {
    provider: provider.url,
    redis: `redis://127.0.0.1:${fault === 'f4' || fault === 'f5' ? proxy.port : server.port}`,
    library: 'redis',
    budgets: [
      { usd: limitUsd, route: 'scarce', ...(isSliding ? { windowMs } : { window: 'month' }) },
      { usd: PLENTY_USD, route: 'plenty', window: 'month' },
      { usd: PLENTY_USD, route: 'fresh', window: 'month', per: 'tenant' },
    ],
    // Without an outage share, which is part of what a killed process strands, and of the allowances after data loss.
    fleet: { name, timeoutMs, heartbeatMs, whenDown: fault === 'f2' || fault === 'f4' ? 'refuse' : 'share' },
    plentyPerSecond: 1000 / heartbeatMs,
    scarcePerSecond: burst > 0 ? 0 : Math.max(1, SCARCE_PER_SECOND / processes),
    burst,
    probeMs: Math.max(heartbeatMs / 20, (1000 * processes) / PROBES_PER_SECOND),
    clockMs: isSliding ? 3_600_000 : 0,
  };
  const fleet = await startFleet(bundle.file, processes, settings);
  const recoveryMs = { away: 0, lost: 0 };
  const recoveries: Span[] = [];
  const recovered = async (after: 'away' | 'lost') => {
    const measured = span();
    const tookMs = await Promise.race([fleet.recovery(), sleep(LOST_BEATS * heartbeatMs, Number.POSITIVE_INFINITY)]);
    recoveries.push(measured());
    recoveryMs[after] = Math.max(recoveryMs[after], tookMs);
  };
  try {
    fleet.send('go');
    await sleep(WARM_UP_BEATS * heartbeatMs);
    const measured = span();
    const commandsBefore = commandsOf(server);
    await sleep(CALM_BEATS * heartbeatMs);
    const commands = commandsOf(server) - commandsBefore;
    const inPeace = measured();
    fleet.send('load');
    for (const [beats, act] of blows) {
      await sleep(beats * heartbeatMs);
      await act?.({ fleet, server, replica, proxy, frozenMs, recovered });
    }
    const reports = await fleet.stop();
    const calls = reports.flatMap((report) => report.calls);
    const peaceful = calls.filter(({ startedAt }) => startedAt >= inPeace.from && startedAt < inPeace.until);
    const scarce = provider.bill('scarce');
    const kills = fleet.workers.filter(({ isGone }) => isGone).length;
    const count = (outcome: CallReport['outcome'], among = calls) =>
      among.filter((call) => call.outcome === outcome).length;
    return {
      limitUsd,
      billedUsd: scarce.total,
      mostUsd: scarce.most,
      answers: scarce.answers,
      refused: count('refused'),
      failed: count('failed'),
      longestWaitMs: calls.reduce((longest, { waitMs }) => Math.max(longest, waitMs), 0),
      timeoutMs,
      calm: {
        calls: peaceful.length,
        refused: count('refused', peaceful),
        waited: peaceful.filter(({ hasWaited }) => hasWaited).length,
        commands,
        mostCommands: (processes * (inPeace.until - inPeace.from)) / heartbeatMs + 0.25 * peaceful.length,
      },
      recoveryMs,
      machine: { calm: machineOf([inPeace], reports), recovery: machineOf(recoveries, reports) },
      strandedUsd:
        countedUsd(server, name) -
        ['scarce', 'plenty', 'fresh'].reduce((sum, model) => sum + provider.bill(model).total, 0),
      kills,
      warnings: reports.map(({ warnings }) => warnings),
      errors: reports.flatMap(({ errors }) => errors),
    };
  } finally {
    for (const { kill } of fleet.workers) kill();
    proxy.close();
    provider.close();
    await server.stop();
    await replica?.stop();
    bundle.remove();
  }
}

interface Span {
  /** By the machine's clock. */
  readonly from: number;
  readonly until: number;
  /** Of all processors together, in milliseconds. */
  readonly busyMs: number;
  readonly allMs: number;
}

/** Begins to measure; the function that it returns ends that. */
function span(): () => Span {
  const from = Date.now();
  const before = processorMs();
  return () => {
    const after = processorMs();
    return { from, until: Date.now(), busyMs: after.busy - before.busy, allMs: after.all - before.all };
  };
}

function processorMs(): { busy: number; all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle;
    busy += sum - times.idle;
    all += sum;
  }
  return { busy, all };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function machineOf(spans: readonly Span[], reports: readonly WorkerReport[]): Machine {
  const late = reports.flatMap((report) => report.late);
  const isWithin = (at: number) => spans.some(({ from, until }) => at >= from && at < until);
  return {
    lateMs: late.reduce((most, { at, ms }) => (isWithin(at) ? Math.max(most, ms) : most), 0),
    busy: sum(spans.map(({ busyMs }) => busyMs)) / Math.max(1, sum(spans.map(({ allMs }) => allMs))),
  };
}

/** Commands of the fleet that the server has run. */
function commandsOf(server: RedisServer): number {
  const calls = server.cli('INFO', 'commandstats').matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g);
  return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** What the ledger counts for all budgets: spent, or allowed to ended processes. */
function countedUsd(server: RedisServer, name: string): number {
  const keys = server.cli('KEYS', `mr1:{${name}}:spend:*`).split('\n');
  let nano = 0;
  for (const key of keys) {
    const lines = server.cli('HGETALL', key).split('\n');
    for (let i = 0; i < lines.length; i += 2) {
      const [field = '', value = ''] = lines.slice(i, i + 2);
      if (field === 'base') nano += Number(value);
      // seq, allowance, settled, …
      if (field.startsWith('w:')) nano += Number(value.split(' ')[1]);
    }
  }
  return nano / 1e9;
}
