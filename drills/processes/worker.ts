// One process of a fleet under test: it makes calls until a message stops it, and reports their results.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type BudgetOptions, callOptions, ModelRouter, SpendBudgetExceededError } from 'model-router';
import { type FleetOptions, redisFleet } from 'model-router/redis';
import { createClient } from 'redis';

/** The settings of a process. */
export interface WorkerSettings {
  readonly provider: string;
  readonly redis: string;
  readonly library: 'redis' | 'ioredis';
  readonly budgets: BudgetOptions[];
  readonly fleet: FleetOptions;
  /** The calls per second of the route `plenty`, from `go` on: its budget is never scarce. */
  readonly plentyPerSecond: number;
  /** The calls per second of the route `scarce`, from `load` on. */
  readonly scarcePerSecond: number;
  /** Calls of the route `scarce` that are made together on `load`. */
  readonly burst: number;
  /** The error of its wall clock. */
  readonly clockMs: number;
  /** How often it tries whether the ledger grants as before, in milliseconds. */
  readonly probeMs: number;
}

/**
 * Messages to a process. `probe` is answered with `recovered`: the fleet's ledger grants as before. `stop` is answered
 * with a `WorkerReport`.
 */
export type WorkerMessage = 'go' | 'load' | 'probe' | 'stop';

export interface CallReport {
  readonly route: Route;
  /** A time of the machine's clock. */
  readonly startedAt: number;
  /** Whether it waited for the ledger: it was neither sent nor refused at once. */
  readonly hasWaited: boolean;
  /**
   * Milliseconds to its request or refusal. Time in which the process did not run does not count, because the machine
   * is busy.
   */
  readonly waitMs: number;
  readonly outcome: 'answered' | 'refused' | 'failed';
}

export interface WorkerReport {
  readonly calls: readonly CallReport[];
  /** When its timers came late, by the machine's clock, and by how much: the machine had no time for it. */
  readonly late: readonly { readonly at: number; readonly ms: number }[];
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
}

type Route = 'plenty' | 'scarce' | 'fresh';

const settings: WorkerSettings = JSON.parse(process.env.WORKER ?? '{}');
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + settings.clockMs;

const client =
  settings.library === 'ioredis'
    ? new Redis(settings.redis, { enableOfflineQueue: false, retryStrategy: () => 100, maxRetriesPerRequest: 0 })
    : createClient({ url: settings.redis, disableOfflineQueue: true, socket: { reconnectStrategy: 100 } });
client.on('error', () => undefined);
if ('connect' in client && settings.library === 'redis') await client.connect().catch(() => undefined);
else await sleep(200);

const calls: CallReport[] = [];
const warnings: string[] = [];
const errors: string[] = [];
const TICK_MS = 10;
let stalledMs = 0;
let tickedAt = performance.now();
const late: { at: number; ms: number }[] = [];
setInterval(() => {
  const ms = Math.max(0, performance.now() - tickedAt - TICK_MS);
  stalledMs += ms;
  if (ms >= 1) late.push({ at: realNow(), ms });
  tickedAt = performance.now();
}, TICK_MS);
/** A clock that stands still while timers are late. */
const runningMs = () => Math.min(performance.now(), tickedAt + TICK_MS) - stalledMs;

/** When a call is sent, for each call. */
const current = new AsyncLocalStorage<{ sentAt: number | undefined }>();

const deployment = { price: { input: 0.001, output: 1000 }, maxOutputTokens: 100 };
const router = new ModelRouter({
  clients: {
    default: {
      apiKey: 'sk-drill',
      baseURL: settings.provider,
      fetch: (url: string | URL | Request, init?: RequestInit) => {
        const call = current.getStore();
        if (call !== undefined) call.sentAt = runningMs();
        return fetch(url, init);
      },
    },
  },
  deployments: { plenty: deployment, scarce: deployment, fresh: deployment },
  routes: { plenty: ['plenty'], scarce: ['scarce'], fresh: ['fresh'] },
  maxAttempts: 1,
  breaker: false,
  budgets: settings.budgets,
  fleet: redisFleet(client, settings.fleet),
  logLevel: 'warn',
  logger: { error: () => {}, info: () => {}, debug: () => {}, warn: (line: string) => void warnings.push(line) },
});

async function call(route: Route, tenant?: string): Promise<CallReport['outcome']> {
  const mine: { sentAt: number | undefined } = { sentAt: undefined };
  const startedAt = realNow();
  const from = runningMs();
  let hasWaited = false;
  setImmediate(() => {
    hasWaited = mine.sentAt === undefined;
  });
  const body = { model: route, messages: [{ role: 'user' as const, content: 'Hello.' }] };
  let outcome: CallReport['outcome'] = 'answered';
  try {
    await current.run(mine, () =>
      router.chat.completions.create(body, tenant === undefined ? {} : callOptions({ tenant })),
    );
  } catch (error) {
    outcome = error instanceof SpendBudgetExceededError ? 'refused' : 'failed';
    if (outcome === 'failed' && errors.length < 5) errors.push(String(error));
  }
  mine.sentAt ??= runningMs();
  calls.push({ route, startedAt, hasWaited, waitMs: mine.sentAt - from, outcome });
  return outcome;
}

const running = new Set<Promise<unknown>>();
function start(route: Route): void {
  const promise = call(route).finally(() => running.delete(promise));
  running.add(promise);
}

/** An allowance is what two seconds take, and one call more: up to four, of one call a second. */
const PROBE_CALLS = 5;

/**
 * A call for a tenant that the ledger has never seen, and then more concurrent calls than the current allowance covers.
 * One call until that one is answered: with more, the probes of all processes would keep the machine busy.
 */
async function probe(): Promise<void> {
  const tenant = crypto.randomUUID();
  for (;;) {
    if ((await call('fresh', tenant)) === 'answered') {
      const outcomes = await Promise.all(Array.from({ length: PROBE_CALLS }, () => call('plenty')));
      if (outcomes.every((outcome) => outcome === 'answered')) return;
    }
    await sleep(settings.probeMs);
  }
}

const timers: ReturnType<typeof setInterval>[] = [];
const repeat = (route: Route, perSecond: number) => {
  if (perSecond > 0) timers.push(setInterval(() => start(route), 1000 / perSecond));
};
process.send?.('ready');
process.on('message', (message: WorkerMessage) => {
  if (message === 'go') repeat('plenty', settings.plentyPerSecond);
  if (message === 'load') {
    for (let i = 0; i < settings.burst; i++) start('scarce');
    repeat('scarce', settings.scarcePerSecond);
  }
  if (message === 'probe') void probe().then(() => process.send?.('recovered'));
  if (message === 'stop') void stop();
});

async function stop(): Promise<void> {
  for (const timer of timers) clearInterval(timer);
  await Promise.all(running);
  await router.close();
  process.send?.({ calls, late, warnings, errors } satisfies WorkerReport, () => process.exit(0));
}
