// The router's overhead over the plain client: `npm run bench`, `npm run bench -- call stream` for some groups,
// `npm run bench -- scale` for how cost grows with size.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { ModelRouter, type RouterSettings } from 'model-router';
import { redisFleet } from 'model-router/redis';
import { type ClientOptions, OpenAI } from 'openai';
import { createClient } from 'redis';
import { hasRedis, startRedis } from '../drills/processes/redis-server.ts';
import { printOrders } from './orders.ts';
import { compare, type Work } from './pairs.ts';
import { printCurves } from './scale/index.ts';
import { byHandWithSdk, enableContexts, printHooks, printViews, withApi, withSdk } from './seeing.ts';
import { answering, failing } from './stub.ts';

const messages = [{ role: 'user' as const, content: 'Summarise this in one sentence, please. '.repeat(25) }];
const wanted = process.argv.slice(2);
if (wanted[0] === 'scale') {
  await printCurves(wanted.slice(1));
  process.exit();
}

const apiKey = 'sk-bench-0000';
type Fetch = typeof answering;

const optionsOf = (baseURL: string, fetch?: Fetch): ClientOptions => ({
  apiKey,
  baseURL,
  maxRetries: 0,
  ...(fetch && { fetch }),
});
const plainClient = (baseURL: string, fetch?: Fetch) => new OpenAI(optionsOf(baseURL, fetch));

function routerOver(primary: ClientOptions, fallback: ClientOptions, more: RouterSettings = {}): ModelRouter {
  const price = { input: 0.25, output: 0.25 };
  return new ModelRouter({
    clients: { default: primary, fallback },
    deployments: {
      primary: { client: 'default', model: 'bench-model', price },
      fallback: { client: 'fallback', model: 'bench-model', price },
    },
    routes: { bench: ['primary', 'fallback'] },
    // Each call of the failover must meet the failing primary.
    breaker: false,
    ...more,
  });
}

const call =
  (client: OpenAI, model: string): Work =>
  () =>
    client.chat.completions.create({ model, messages });

/** The failover that an application would write by itself, without a router. */
const byHand =
  (first: OpenAI, second: OpenAI): Work =>
  async () => {
    try {
      return await first.chat.completions.create({ model: 'bench-model', messages });
    } catch {
      return second.chat.completions.create({ model: 'bench-model', messages });
    }
  };

let prompts = 0;
/** A new prompt of the same length for each call. */
const newCall =
  (client: OpenAI, model: string): Work =>
  () =>
    client.chat.completions.create({ model, messages: [...messages, { role: 'user', content: `${prompts++}` }] });

const stream =
  (client: OpenAI, model: string): Work =>
  async () => {
    let length = 0;
    const chunks = await client.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of chunks) length += chunk.choices[0]?.delta.content?.length ?? 0;
    if (length < 100) throw new Error(`The stream had ${length} characters.`);
  };

const inProcess = 'http://bench.invalid/v1';
const plain = plainClient(inProcess, answering);
const router = routerOver(optionsOf(inProcess, answering), optionsOf(inProcess, answering));
const hitting = routerOver(optionsOf(inProcess, answering), optionsOf(inProcess, answering), { cache: true });
const missing = routerOver(optionsOf(inProcess, answering), optionsOf(inProcess, answering), { cache: true });
const limited = (more: RouterSettings) =>
  routerOver(optionsOf(inProcess, answering), optionsOf(inProcess, answering), more);
const limitedTokens = limited({ maxInputTokens: 100_000 });
const limitedMoney = limited({ budgets: [{ usd: 20, window: 'day', per: 'tenant' }], tenant: 'acme' });
const weighted = limited({ routes: { bench: { deployments: ['primary', 'fallback'], strategy: 'weighted' } } });
/** A router over ten deployments, in listed order or by latency. */
const tenOver = (strategy: 'priority' | 'lowest-latency') => {
  const names = Array.from({ length: 10 }, (_, i) => `deployment-${i}`);
  const deployment = { client: 'default', model: 'bench-model', price: { input: 0.25, output: 0.25 } };
  return limited({
    deployments: Object.fromEntries(names.map((name) => [name, deployment])),
    routes: { bench: { deployments: names, strategy } },
  });
};
const listedTen = tenOver('priority');
const fastestOfTen = tenOver('lowest-latency');
const money: RouterSettings = { budgets: [{ usd: 1e6, window: 'month' }] };
const alone = limited(money);
const followed = withApi(limited({}));
const recorded = withSdk(limited({}));
const recordedByHand = byHandWithSdk(router);
const failingOver = routerOver(optionsOf(inProcess, failing), optionsOf(inProcess, answering));

const upstream = fork(new URL('./upstream.ts', import.meta.url));
const [port] = await once(upstream, 'message');
const at = (kind: string) => `http://127.0.0.1:${port}/${kind}/v1`;
const plainLoopback = plainClient(at('ok'));
const loopback = routerOver(optionsOf(at('ok')), optionsOf(at('ok')));
const loopbackFollowed = withApi(routerOver(optionsOf(at('ok')), optionsOf(at('ok'))));
const loopbackRecorded = withSdk(routerOver(optionsOf(at('ok')), optionsOf(at('ok'))));
const loopbackFailingOver = routerOver(optionsOf(at('down')), optionsOf(at('ok')));

// A real server for the fleet, if available; and one that is stopped.
const servers = hasRedis ? await Promise.all([startRedis(), startRedis()]) : [];
const [inFleet, inFleetDown] = await Promise.all(
  servers.map(async ({ url }) => {
    const client = createClient({ url, disableOfflineQueue: true });
    client.on('error', () => {});
    await client.connect();
    const member = limited({
      ...money,
      fleet: redisFleet(client, { name: 'bench', whenDown: 'allow' }),
    });
    await member.chat.completions.create({ model: 'bench', messages });
    return { router: member, end: () => client.destroy() };
  }),
);
if (inFleetDown !== undefined) {
  servers[1]?.signal('SIGSTOP');
  // Until its breaker is open.
  await new Promise((resolve) => setTimeout(resolve, 8000));
}

interface Scenario {
  readonly name: string;
  readonly goal: string;
  readonly plain: Work;
  readonly router: Work;
  readonly concurrency?: number;
  /** Sets up what only this group needs; returns its cleanup. */
  readonly setUp?: () => () => void;
}

const scenarios: Scenario[] = [
  { name: 'call', goal: 'CPU <= 1.20', plain: call(plain, 'bench-model'), router: call(router, 'bench') },
  { name: 'stream', goal: 'CPU <= 1.15', plain: stream(plain, 'bench-model'), router: stream(router, 'bench') },
  { name: 'cache-hit', goal: 'p50 <= 0.20', plain: call(plain, 'bench-model'), router: call(hitting, 'bench') },
  { name: 'cache-off', goal: 'for cache-miss', plain: newCall(plain, 'bench-model'), router: newCall(router, 'bench') },
  {
    name: 'cache-miss',
    goal: 'p50 <= 1.40',
    plain: newCall(router, 'bench'),
    router: newCall(missing, 'bench'),
  },
  {
    name: 'limit-tokens',
    goal: 'at most 5 us over no limit',
    plain: call(router, 'bench'),
    router: call(limitedTokens, 'bench'),
  },
  {
    name: 'limit-money',
    goal: 'at most 5 us over no limit',
    plain: call(router, 'bench'),
    router: call(limitedMoney, 'bench'),
  },
  {
    name: 'weighted',
    goal: 'for orders',
    plain: call(router, 'bench'),
    router: call(weighted, 'bench'),
  },
  {
    name: 'lowest-latency',
    goal: 'for orders',
    plain: call(listedTen, 'bench'),
    router: call(fastestOfTen, 'bench'),
  },
  {
    name: 'otel-api',
    goal: '(beside a call without a socket)',
    plain: call(router, 'bench'),
    router: call(followed, 'bench'),
  },
  {
    name: 'otel-sdk',
    goal: '(beside a call without a socket)',
    plain: call(router, 'bench'),
    router: call(recorded, 'bench'),
    setUp: enableContexts,
  },
  {
    name: 'otel-by-hand',
    goal: 'for otel-sdk',
    plain: call(router, 'bench'),
    router: recordedByHand,
    setUp: enableContexts,
  },
  {
    name: 'otel-ours',
    goal: 'p50 <= 1.05',
    plain: recordedByHand,
    router: call(recorded, 'bench'),
    setUp: enableContexts,
  },
  {
    name: 'loopback-otel-api',
    goal: 'p50 <= 1.03',
    plain: call(loopback, 'bench'),
    router: call(loopbackFollowed, 'bench'),
  },
  {
    name: 'loopback-otel-sdk',
    goal: 'p50 <= 1.20',
    plain: call(loopback, 'bench'),
    router: call(loopbackRecorded, 'bench'),
    setUp: enableContexts,
  },
  {
    name: 'by-hand',
    goal: 'for failover',
    plain: call(plain, 'bench-model'),
    router: byHand(plainClient(inProcess, failing), plain),
  },
  { name: 'failover', goal: 'CPU <= 2.70', plain: call(plain, 'bench-model'), router: call(failingOver, 'bench') },
  {
    name: 'loopback-call',
    goal: 'p50 <= 1.05',
    plain: call(plainLoopback, 'bench-model'),
    router: call(loopback, 'bench'),
  },
  {
    name: 'loopback-64',
    goal: 'p50 <= 1.05',
    plain: call(plainLoopback, 'bench-model'),
    router: call(loopback, 'bench'),
    concurrency: 64,
  },
  {
    name: 'loopback-stream',
    goal: 'p50 <= 1.05',
    plain: stream(plainLoopback, 'bench-model'),
    router: stream(loopback, 'bench'),
  },
  {
    name: 'loopback-failover',
    goal: '(two requests)',
    plain: call(plainLoopback, 'bench-model'),
    router: call(loopbackFailingOver, 'bench'),
  },
];

if (inFleet !== undefined && inFleetDown !== undefined)
  scenarios.push(
    {
      name: 'fleet',
      goal: 'p50 <= 1.02, CPU <= 1.05 of a budget without a fleet',
      plain: call(alone, 'bench'),
      router: call(inFleet.router, 'bench'),
    },
    {
      name: 'fleet-down',
      goal: 'p50 <= 1.05',
      plain: call(alone, 'bench'),
      router: call(inFleetDown.router, 'bench'),
    },
  );
else console.log('fleet: skipped, there is no redis-server (apt-get install redis-server)');

const show = ({ median, low, high }: { median: number; low: number; high: number }, digits = 2) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)}-${high.toFixed(digits)})`;

console.log(
  'Router against the plain client in turns, 30 pairs of 250 ms; medians, and 95 % intervals of the medians.\n',
);
console.log(
  [
    'scenario',
    'plain us',
    'router us',
    'p50 ratio',
    'CPU ratio',
    'CPU added us',
    'p50 added us in quiet turns',
    'goal',
  ].join(' | '),
);
for (const { name, goal, plain, router, concurrency = 1, setUp } of scenarios) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const takeDown = setUp?.();
  const result = await compare(plain, router, { concurrency });
  takeDown?.();
  const cells = [
    name,
    result.plain.p50.toFixed(0),
    result.router.p50.toFixed(0),
    show(result.p50),
    show(result.cpu),
    show(result.addedCpu, 1),
    result.addedQuietly.toFixed(1),
    goal,
  ];
  console.log(cells.join(' | '));
}

if (wanted.length === 0 || wanted.includes('estimate')) {
  const units = ['a', 'z', 'Q', '7', '"', ' ', '-', '\n', '\t', '(', 'я', '中', 'é', '😀', '\u0000', 'aB', 'a1'];
  const times = units.map((unit) => ({ unit, ms: timeToEstimate(unit.repeat(Math.ceil(100_000 / unit.length))) }));
  const { unit, ms } = times.reduce((slowest, each) => (each.ms > slowest.ms ? each : slowest));
  const what = `the slowest is ${JSON.stringify(unit)}, best of 12`;
  console.log(
    `\nexplain() of 100 KB of one letter: ${ms.toFixed(2)} ms (${what}; goal: under 5 ms for the estimate in it)`,
  );
}

if (wanted.length === 0 || wanted.includes('orders')) await printOrders();
if (wanted.length === 0 || wanted.includes('hooks')) await printHooks();
if (wanted.length === 0 || wanted.includes('views')) await printViews();
if (wanted.length === 0) await printCurves([]);

function timeToEstimate(content: string): number {
  const time = () => {
    const startedAt = performance.now();
    router.explain({ model: 'bench', messages: [{ role: 'user', content }] });
    return performance.now() - startedAt;
  };
  return Math.min(...Array.from({ length: 12 }, time));
}

const routers = [router, hitting, missing, limitedTokens, limitedMoney, weighted, listedTen, fastestOfTen];
const followers = [followed, recorded, loopbackFollowed, loopbackRecorded];
for (const each of [...routers, ...followers, failingOver, loopback, loopbackFailingOver]) await each.close();
for (const { router: member, end } of [inFleet, inFleetDown].flatMap((each) => each ?? [])) {
  await member.close();
  end();
}
await Promise.all(servers.map((server) => server.stop()));
upstream.kill();
