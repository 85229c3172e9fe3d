// The cost of a router apart from its calls: to create, to inspect, and to keep in memory.
import { inspect } from 'node:util';
import { callOptions, type ModelRouter, type RouterOptions } from 'model-router';
import { type Curve, heapBytes, inTurns, leastMs, ratioOf } from './measure.ts';
import { clientOf, messages, namesOf, plainOf, routerOf } from './setup.ts';

const construction = (
  name: string,
  sizes: Curve['sizes'],
  goal: string,
  make: (count: number) => ModelRouter,
): Curve => ({
  name: `new ModelRouter, by ${name}`,
  unit: 'ms',
  goal,
  sizes,
  at: (count) => leastMs(5, () => make(count).close()),
});

const routesOf = (count: number): RouterOptions['routes'] =>
  Object.fromEntries(namesOf(count, 'route-').map((name) => [name, namesOf(1000)]));

const looking = (name: string, look: (router: ModelRouter) => unknown, window: 'day' | number = 'day'): Curve => ({
  name: `${name}, by tenants`,
  unit: 'ms',
  goal: '5',
  sizes: [100, 1000, 10_000],
  async at(tenants) {
    const budgets = Array.from({ length: 10 }, (_, i) => ({
      usd: 20 + i,
      ...(typeof window === 'number' ? { windowMs: window + i } : { window }),
      per: 'tenant' as const,
    }));
    await using router = routerOf(1, { budgets });
    for (let i = 0; i < tenants; i += 1)
      await router.chat.completions.create({ model: 'bench', messages }, callOptions({ tenant: `tenant-${i}` }));
    return await leastMs(9, () => look(router));
  },
});

const redaction: Curve = {
  name: 'error body of 1 MB, by clients with keys',
  unit: 'ms',
  goal: 'flat',
  sizes: [10, 100, 1000],
  async at(count) {
    const body = JSON.stringify({ error: { message: 'x'.repeat(1024 * 1024), type: 'server_error' } });
    const failing = async () => new Response(body, { status: 400, headers: { 'content-type': 'application/json' } });
    const names = namesOf(count, 'client-');
    await using router = routerOf(1, {
      clients: Object.fromEntries([
        ['default', clientOf(failing)],
        ...names.map((name) => [name, { ...clientOf(failing), apiKey: `sk-${name}-0123456789abcdef` }]),
      ]) as RouterOptions['clients'],
    });
    const fail = () => router.chat.completions.create({ model: 'bench', messages }).catch(() => undefined);
    const plain = plainOf(failing);
    const [alone = 0, routed = 0] = await inTurns(
      [() => plain.chat.completions.create({ model: 'bench', messages }).catch(() => undefined), fail],
      { turns: 5 },
    );
    return routed - alone;
  },
};

const embedding = Array.from({ length: 8 }, (_, i) => i / 8);
const embeddings =
  (onInputs: (count: number) => void): typeof fetch =>
  async (_, init) => {
    const { input } = JSON.parse(String(init?.body)) as { input: string[] };
    onInputs(input.length);
    const data = input.map((_, index) => ({ object: 'embedding', index, embedding }));
    const usage = { prompt_tokens: input.length, total_tokens: input.length };
    return Response.json({ object: 'list', data, model: 'm', usage });
  };
const inputsOf = (count: number) => Array.from({ length: count }, (_, i) => `input ${i}`);

const batchAgain: Curve = {
  name: 'embeddings batch sent again: inputs found, by inputs',
  unit: 'of 1',
  goal: '1 up to 2,500',
  sizes: [256, 1024, 2048],
  async at(count) {
    let sent = 0;
    const fetch = embeddings((more) => (sent += more));
    await using router = routerOf(1, { cache: true, clients: { default: clientOf(fetch) } });
    const send = () => router.embeddings.create({ model: 'bench', input: inputsOf(count), encoding_format: 'float' });
    await send();
    await send();
    return 1 - (sent - count) / count;
  },
};

const batchOthers: Curve = {
  name: 'entries of another tenant after batches of one, by batches of 2,048',
  unit: 'of 1,000',
  goal: '1,000',
  sizes: [1, 4, 16],
  async at(batches) {
    await using router = routerOf(1, { cache: true, clients: { default: clientOf(embeddings(() => {})) } });
    const send = (input: string[], tenant: string) =>
      router.embeddings.create({ model: 'bench', input, encoding_format: 'float' }, callOptions({ tenant }));
    const small = inputsOf(1000);
    for (let i = 0; i < 10; i += 1) await send(small.slice(100 * i, 100 * i + 100), 'small');
    for (let i = 0; i < batches; i += 1)
      await send(
        inputsOf(2048).map((each) => `${i} ${each}`),
        'large',
      );
    const before = router.snapshot().cache.hits;
    for (const each of small) await send([each], 'small');
    return router.snapshot().cache.hits - before;
  },
};

const batchCost: Curve = {
  name: 'embeddings batch with a cache, by inputs',
  unit: 'x plain',
  goal: 'flat',
  sizes: [1000, 10_000, 150_000],
  async at(count) {
    const fetch = embeddings(() => {});
    await using router = routerOf(1, { cache: true, clients: { default: clientOf(fetch) } });
    let sent = 0;
    const send = (client: ReturnType<typeof plainOf>) => () => {
      sent += 1;
      const input = inputsOf(count).map((each) => `${sent} ${each}`);
      return client.embeddings.create({ model: 'bench', input, encoding_format: 'float' });
    };
    return await ratioOf(send(plainOf(fetch)), send(router));
  },
};

const histograms: Curve = {
  name: 'memory of a deployment in use, by deployments',
  unit: 'KB',
  goal: '20',
  sizes: [10, 100, 1000],
  async at(count) {
    await using router = routerOf(count);
    const before = await heapBytes();
    for (const model of namesOf(count))
      for (let i = 0; i < 10; i += 1) await router.chat.completions.create({ model, messages });
    return ((await heapBytes()) - before) / 1024 / count;
  },
};

export const routerCurves: Record<string, readonly Curve[]> = {
  construction: [
    construction('deployments that are all fallbacks', [500, 1000, 5000], '100', (count) =>
      routerOf(count, { fallbacks: namesOf(count) }),
    ),
    construction('routes of 1,000 deployments', [10, 30, 100], 'linear', (count) =>
      routerOf(1000, { routes: routesOf(count) }),
    ),
  ],
  looking: [
    looking('snapshot() of 10 budgets', (router) => router.snapshot()),
    looking('snapshot() of 10 sliding budgets', (router) => router.snapshot(), 3_600_000),
    looking('JSON.stringify(router) of 10 budgets', (router) => JSON.stringify(router)),
    looking('console.log(router) of 10 budgets', (router) => inspect(router)),
    looking('spendCsv()', (router) => router.spendCsv()),
  ],
  redaction: [redaction],
  batches: [batchAgain, batchOthers, batchCost],
  memory: [histograms],
};
