// The cost of a call by the size of the router, of the input and of the cache.
import { callOptions, type ModelRouter, type RouterOptions } from 'model-router';
import type { OpenAI } from 'openai';
import { type Curve, inTurns, leastMs, pause, ratioOf } from './measure.ts';
import { clientOf, hanging, messages, namesOf, newText, plainOf, routerOf } from './setup.ts';

const plain = plainOf();
const call = (client: OpenAI, model: string) => () => client.chat.completions.create({ model, messages });

const byDeployments = (name: string, more: (count: number) => Partial<RouterOptions>, model = 'bench'): Curve => ({
  name: `call${name}, by deployments`,
  unit: 'x plain',
  goal: '1.6',
  sizes: [10, 100, 1000],
  async at(count) {
    await using router = routerOf(count, more(count));
    return await ratioOf(call(plain, 'bench-model'), call(router, model));
  },
});

/** What a budget adds to a call, compared with a plain call. */
const money: Curve = {
  name: 'budget of $20 a tenant, added by KB of input',
  unit: 'x plain',
  goal: '0.3 at each',
  sizes: [1, 4, 16, 64],
  async at(kilobytes) {
    const budgets = [{ usd: 20, window: 'day', per: 'tenant' }] as const;
    await using without = routerOf(2);
    await using limited = routerOf(2, { budgets, tenant: 'acme' });
    const send = (client: OpenAI, model: string) => () =>
      client.chat.completions.create({
        model,
        messages: [{ role: 'user', content: newText(kilobytes * 1024) }],
        max_tokens: 256,
      });
    const [alone = 0, router = 0, guarded = 0] = await inTurns(
      [send(plain, 'bench-model'), send(without, 'bench'), send(limited, 'bench')],
      // Short turns: a difference of two medians suffers more from a noisy machine than a ratio.
      { turns: 50, turnMs: 50 },
    );
    return (guarded - router) / alone;
  },
};

type Body = Parameters<OpenAI['chat']['completions']['create']>[0];
const conversation = (count: number, first: string): Body => ({
  model: 'bench',
  messages: Array.from({ length: count }, (_, i) => ({
    role: i % 2 === 0 ? ('user' as const) : ('assistant' as const),
    content:
      i === 0 ? first : `Message ${i} of a conversation, as long as such messages usually are, or a little more.`,
  })),
});
const withTools = (count: number, first: string): Body => ({
  ...conversation(1, first),
  tools: namesOf(count, 'tool_').map((name) => ({
    type: 'function' as const,
    function: {
      name,
      description: 'Looks something up for the user and returns it.',
      parameters: {
        type: 'object',
        properties: { query: { type: 'string', description: 'What to look up' }, limit: { type: 'integer' } },
        required: ['query'],
      },
    },
  })),
});

const cached = (
  what: string,
  sizes: Curve['sizes'],
  how: 'hit' | 'miss',
  bodyOf: (size: number, first: string) => Body,
): Curve => ({
  name: `cache ${how}, by ${what}`,
  unit: 'x plain',
  goal: how === 'hit' ? '0.5' : '1.5',
  sizes,
  async at(size) {
    await using router = routerOf(2, { cache: { mode: 'all', toolCalls: true } });
    const send = (client: OpenAI) => () => {
      // A new body for each call, as an application builds it.
      const body = bodyOf(size, how === 'hit' ? 'Hello.' : newText(30));
      return client.chat.completions.create(body);
    };
    return await ratioOf(send(plain), send(router));
  },
});

const wrongName = (name: string, isNew: boolean, more: Partial<RouterOptions>, status: number): Curve => ({
  name: `${name}, ${isNew ? 'another' : 'the same'} each time, by deployments`,
  unit: 'ms',
  goal: isNew ? 'linear' : 'flat',
  sizes: [100, 1000, 5000],
  async at(count) {
    const body = JSON.stringify({
      error: { message: 'No such model.', code: 'model_not_found', type: 'x', param: null },
    });
    const refusing = async () => new Response(body, { status, headers: { 'content-type': 'application/json' } });
    await using router = routerOf(count, more, refusing);
    router.on('model-not-found', () => {});
    let sent = 0;
    const send = () => {
      sent += 1;
      const model = isNew ? `some-wrong-model-${sent}` : 'some-wrong-model';
      return router.chat.completions.create({ model, messages }).catch(() => undefined);
    };
    const [ms = Number.NaN] = await inTurns([send], { turns: 3 });
    return ms;
  },
});

async function abortMs(target: OpenAI, count: number): Promise<number> {
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const ended = Array.from({ length: count }, () =>
    target.chat.completions.create({ model: 'bench', messages }, options).catch(() => undefined),
  );
  await pause(200);
  return await leastMs(1, () => {
    controller.abort();
    return Promise.all(ended);
  });
}

const massAbort: Curve = {
  name: 'one signal ends calls, by calls',
  unit: 'x plain',
  goal: '3',
  sizes: [1000, 3000, 10_000],
  async at(count) {
    const direct = plainOf(hanging);
    await using router = routerOf(2, { clients: { default: clientOf(hanging) } });
    const [one, other]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < 5; turn += 1) {
      one.push(await abortMs(direct, count));
      other.push(await abortMs(router, count));
    }
    return Math.min(...other) / Math.min(...one);
  },
};

/** What a view costs that is made for each call: the SDK's own, without a router. */
const plainView: Curve = {
  name: "plain client's withOptions({ timeout }) for each call",
  unit: 'x plain',
  goal: 'what withOptions({ tenant }) adds at least',
  sizes: [1],
  at: () => ratioOf(call(plain, 'bench-model'), () => call(plain.withOptions({ timeout: 5000 }), 'bench-model')()),
};

const perTenant = (name: string, send: (router: ModelRouter, tenant: string) => unknown): Curve => ({
  name: `${name}, by tenants`,
  unit: 'x plain',
  goal: 'flat',
  sizes: [1, 100, 10_000],
  async at(count) {
    await using router = routerOf(2);
    const tenants = namesOf(count, 'tenant-');
    let sent = 0;
    return await ratioOf(call(plain, 'bench-model'), () => send(router, tenants[sent++ % count] ?? ''));
  },
});

export const callCurves: Record<string, readonly Curve[]> = {
  deployments: [
    byDeployments('', () => ({})),
    byDeployments(' with deadlineMs', () => ({ deadlineMs: 5000 })),
    byDeployments(' with a budget', () => ({ budgets: [{ usd: 1000, window: 'day' }] })),
    byDeployments(' with fallbacks', (count) => ({ fallbacks: namesOf(count) }), 'd0'),
    byDeployments(' with maxConcurrent', () => ({ clients: { default: { ...clientOf(), maxConcurrent: 100 } } })),
  ],
  names: [
    wrongName('an unknown model (404)', true, {}, 404),
    wrongName('an unknown model (404)', false, {}, 404),
    wrongName("unlistedModels: 'refuse'", true, { unlistedModels: 'refuse' }, 404),
    wrongName("unlistedModels: 'refuse'", false, { unlistedModels: 'refuse' }, 404),
  ],
  money: [money],
  cache: [
    cached('messages', [10, 100, 1000], 'hit', conversation),
    cached('messages', [10, 100, 1000], 'miss', conversation),
    cached('tools', [2, 20, 200], 'hit', withTools),
    cached('tools', [2, 20, 200], 'miss', withTools),
  ],
  abort: [massAbort],
  options: [
    plainView,
    perTenant('withOptions({ tenant })', (router, tenant) => call(router.withOptions({ tenant }), 'bench')()),
    perTenant('callOptions({ tenant })', (router, tenant) =>
      router.chat.completions.create({ model: 'bench', messages }, callOptions({ tenant })),
    ),
  ],
};
