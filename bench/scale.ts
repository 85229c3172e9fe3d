// How cost grows with size: three sizes for each curve. `npm run bench -- scale`.
import { callOptions, ModelRouter, type RouterOptions } from 'model-router';
import { OpenAI } from 'openai';
import { answering } from './stub.ts';

export const messages = [{ role: 'user' as const, content: 'Summarise this in one sentence, please. '.repeat(25) }];
const price = { input: 0.25, output: 0.25 };
const baseURL = 'http://bench.invalid/v1';
const client = { apiKey: 'sk-bench-0000', baseURL, maxRetries: 0, fetch: answering };
const plain = new OpenAI(client);

/** A route of so many deployments. */
export function routerOf(count: number, more: Partial<RouterOptions> = {}): ModelRouter {
  const names = Array.from({ length: count }, (_, i) => `d${i}`);
  return new ModelRouter({
    clients: { default: client },
    deployments: Object.fromEntries(names.map((name) => [name, { model: 'bench-model', price }])),
    routes: { bench: names },
    ...more,
  });
}

/** The least of some turns: CPU time, in milliseconds, of a process that other work may interrupt. */
export async function leastMs(turns: number, work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < turns; i += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

async function callMs(router: OpenAI, model: string): Promise<number> {
  const fifty = async () => {
    for (let i = 0; i < 50; i += 1) await router.chat.completions.create({ model, messages });
  };
  await fifty();
  return (await leastMs(6, fifty)) / 50;
}

/** A call over so many deployments, against a plain call. */
const calls =
  (more: Partial<RouterOptions>, model = 'bench') =>
  async (count: number) => {
    const router = routerOf(count, more);
    const ratio = (await callMs(router, model)) / (await callMs(plain, 'bench-model'));
    await router.close();
    return ratio;
  };

async function construction(count: number): Promise<number> {
  const fallbacks = Array.from({ length: count }, (_, i) => `d${i}`);
  return leastMs(3, () => routerOf(count, { fallbacks }).close());
}

async function snapshot(tenants: number): Promise<number> {
  const budgets = Array.from({ length: 10 }, (_, i) => ({
    usd: 20 + i,
    window: 'day' as const,
    per: 'tenant' as const,
  }));
  const router = routerOf(1, { budgets });
  for (let i = 0; i < tenants; i += 1)
    await router.chat.completions.create({ model: 'bench', messages }, callOptions({ tenant: `tenant-${i}` }));
  const ms = await leastMs(6, () => router.snapshot());
  await router.close();
  return ms;
}

/** A fetch that answers nothing until its signal aborts it. */
const hanging: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError')));
  });

async function abortMs(target: OpenAI, count: number): Promise<number> {
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const ended = Array.from({ length: count }, () =>
    target.chat.completions.create({ model: 'bench', messages }, options).catch(() => undefined),
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  return leastMs(1, () => {
    controller.abort();
    return Promise.all(ended);
  });
}

async function massAbort(count: number): Promise<number> {
  const router = routerOf(2, { clients: { default: { ...client, fetch: hanging } } });
  const ms = await abortMs(router, count);
  await router.close();
  return ms / (await abortMs(new OpenAI({ ...client, fetch: hanging }), count));
}

const sizes = [10, 100, 1000];
const curves = [
  { name: 'call, by deployments', unit: 'x plain', sizes, at: calls({}) },
  { name: 'call with deadlineMs, by deployments', unit: 'x plain', sizes, at: calls({ deadlineMs: 5000 }) },
  {
    name: 'call with a budget, by deployments',
    unit: 'x plain',
    sizes,
    at: calls({ budgets: [{ usd: 1000, window: 'day' }] }),
  },
  {
    name: 'call with maxConcurrent, by deployments',
    unit: 'x plain',
    sizes,
    at: calls({ clients: { default: { ...client, maxConcurrent: 100 } } }),
  },
  { name: 'new ModelRouter, by fallbacks', unit: 'ms', sizes: [500, 1000, 5000], at: construction },
  { name: 'snapshot() of 10 budgets, by tenants', unit: 'ms', sizes: [100, 1000, 10_000], at: snapshot },
  { name: 'one signal ends calls, by calls', unit: 'x plain', sizes: [1000, 3000, 10_000], at: massAbort },
];

/** Prints a line for each curve. */
export async function printCurves(): Promise<void> {
  console.log('\nCPU time at three sizes; a call grows by little, the rest at most in proportion.');
  for (const { name, unit, sizes, at } of curves) {
    const cells: string[] = [];
    for (const size of sizes) cells.push(`${size}: ${(await at(size)).toFixed(2)} ${unit}`);
    console.log([name, ...cells].join(' | '));
  }
}
