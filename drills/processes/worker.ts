// One process of a fleet under test: it makes calls until it is told to stop, and reports what became of them.
import { Redis } from 'ioredis';
import { type BudgetOptions, ModelRouter, SpendBudgetExceededError } from 'model-router';
import { type FleetOptions, redisFleet } from 'model-router/redis';
import { createClient } from 'redis';

/** How a process is to behave. */
export interface WorkerSettings {
  readonly provider: string;
  readonly redis: string;
  readonly library: 'redis' | 'ioredis';
  readonly budgets: BudgetOptions[];
  readonly fleet: FleetOptions;
  readonly callsPerSecond: number;
  /** Calls that are made at once when it begins. */
  readonly burst: number;
  /** Its wall clock is wrong by so much. */
  readonly clockMs: number;
}

export interface WorkerReport {
  readonly answered: number;
  readonly refused: number;
  readonly failed: number;
  /** Milliseconds from a call to its request or refusal; of calls that were not held up for the ledger, next to nothing. */
  readonly waits: number[];
  readonly warnings: string[];
  readonly errors: string[];
}

const settings: WorkerSettings = JSON.parse(process.env.WORKER ?? '{}');
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + settings.clockMs;

const client =
  settings.library === 'ioredis'
    ? new Redis(settings.redis, { enableOfflineQueue: false, retryStrategy: () => 100, maxRetriesPerRequest: 0 })
    : createClient({ url: settings.redis, disableOfflineQueue: true, socket: { reconnectStrategy: 100 } });
client.on('error', () => undefined);
if ('connect' in client && settings.library === 'redis') await client.connect().catch(() => undefined);
else await new Promise((resolve) => setTimeout(resolve, 200));

const report = { answered: 0, refused: 0, failed: 0 };
const waits: number[] = [];
const warnings: string[] = [];
const errors: string[] = [];
let startedAt = 0;

const router = new ModelRouter({
  clients: {
    default: {
      apiKey: 'sk-drill',
      baseURL: settings.provider,
      fetch: (url: string | URL | Request, init?: RequestInit) => {
        waits.push(performance.now() - startedAt);
        return fetch(url, init);
      },
    },
  },
  deployments: { a: { price: { input: 0.001, output: 1000 }, maxOutputTokens: 100 } },
  routes: { standard: ['a'] },
  maxAttempts: 1,
  breaker: false,
  budgets: settings.budgets,
  fleet: redisFleet(client, settings.fleet),
  logLevel: 'warn',
  logger: { error: () => {}, info: () => {}, debug: () => {}, warn: (line: string) => void warnings.push(line) },
});

async function call(): Promise<void> {
  startedAt = performance.now();
  const from = startedAt;
  try {
    await router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Hello.' }] });
    report.answered += 1;
  } catch (error) {
    if (error instanceof SpendBudgetExceededError) {
      report.refused += 1;
      waits.push(performance.now() - from);
    } else {
      report.failed += 1;
      if (errors.length < 5) errors.push(String(error));
    }
  }
}

const running = new Set<Promise<void>>();
const start = () => {
  const promise = call().finally(() => running.delete(promise));
  running.add(promise);
};
process.send?.('ready');
let timer: ReturnType<typeof setInterval> | undefined;
process.on('message', (message) => {
  if (message === 'go') {
    for (let i = 0; i < settings.burst; i++) start();
    if (settings.callsPerSecond > 0) timer = setInterval(start, 1000 / settings.callsPerSecond);
  }
  if (message === 'stop') void stop();
});

async function stop(): Promise<void> {
  clearInterval(timer);
  await Promise.all(running);
  await router.close();
  process.send?.({ ...report, waits: waits.slice(0, 5000), warnings, errors } satisfies WorkerReport, () =>
    process.exit(0),
  );
}
