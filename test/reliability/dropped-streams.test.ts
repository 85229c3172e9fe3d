import { getEventListeners, setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallRecord, callOptions, ModelRouter, type RouterSettings } from 'model-router';
import { answer, type FakeProvider, startFakeProvider } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { collectGarbage } from '../helpers/garbage.js';
import { openInTheEnd } from '../helpers/leftovers.js';
import { messages, streamChat } from '../helpers/messages.js';

const STREAMS = 20;
const endless = answer({ chunks: Array.from({ length: 100_000 }, (_, i) => `word ${i} `), chunkMs: 1 });
/** Its second chunk never comes. */
const silent = answer({ chunks: ['One ', 'two '], chunkMs: 3_600_000 });

interface Scene {
  readonly router: ModelRouter;
  readonly provider: FakeProvider;
  readonly signal: AbortSignal;
  readonly listeners: () => number;
  readonly records: CallRecord[];
}

async function scene(settings: RouterSettings = {}): Promise<Scene> {
  const provider = await startFakeProvider({ models: { a: endless, b: endless, silent } });
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-test', baseURL: provider.url, logLevel: 'off' } },
    deployments: { a: {}, b: {} },
    routes: { standard: ['a', 'b'] },
    ...settings,
  });
  onTestFinished(async () => {
    await router.close();
    await provider.close();
  });
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const records: CallRecord[] = [];
  router.on('call-ended', ({ record }) => records.push(record));
  return { router, provider, signal, records, listeners: () => getEventListeners(signal, 'abort').length };
}

const inFlight = (router: ModelRouter) =>
  Object.values(router.snapshot().deployments).reduce((sum, deployment) => sum + deployment.inFlight, 0);

let sent = 0;

/** Ways to get a stream and drop it. */
const ways: [string, (scene: Scene) => Promise<unknown>][] = [
  ['never read', ({ router, signal }) => streamChat(router, 'standard', { signal })],
  ['never read, without a signal', ({ router }) => streamChat(router)],
  [
    'read in part, then dropped without a break',
    async ({ router, signal }) => {
      const iterator = (await streamChat(router, 'standard', { signal }))[Symbol.asyncIterator]();
      for (let i = 0; i < 3; i += 1) await iterator.next();
    },
  ],
  ['hedged', ({ router, signal }) => streamChat(router, 'standard', { ...callOptions({ hedgeAfterMs: 1 }), signal })],
  ['with its response', ({ router, signal }) => streamChat(router, 'standard', { signal }).withResponse()],
  [
    'raced against a timer',
    ({ router, signal }) => Promise.race([streamChat(router, 'standard', { signal }), sleep(1)]),
  ],
  [
    'of /responses',
    ({ router, signal }) => router.responses.create({ model: 'standard', input: 'Hi', stream: true }, { signal }),
  ],
  [
    'of maxStreamMs',
    ({ router, signal }) => streamChat(router, 'standard', { ...callOptions({ maxStreamMs: 3_600_000 }), signal }),
  ],
  [
    'of a cached call',
    ({ router, signal }) => {
      const body = { model: 'standard', messages: [{ role: 'user' as const, content: `${sent++}` }] };
      return router.chat.completions.create({ ...body, stream: true }, { ...callOptions({ cache: true }), signal });
    },
  ],
  [
    'of calls that share one',
    ({ router, signal }) => streamChat(router, 'standard', { ...callOptions({ cache: true }), signal }),
  ],
  ['of asFetch()', (scene) => fetchStream(scene, 'standard')],
  ['of asFetch(), while its next chunk is awaited', (scene) => fetchStream(scene, 'silent')],
  ['without its body, by asResponse()', ({ router }) => streamChat(router, 'standard').asResponse()],
];

function fetchStream({ router }: Scene, model: string): Promise<unknown> {
  return router.asFetch()('https://api.openai.com/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, stream: true }),
  });
}

describe('a stream that its caller drops', () => {
  it.each(ways)('is ended: %s', async (name, forget) => {
    const made = await scene();
    const { router, provider, listeners, records } = made;
    for (let i = 0; i < STREAMS; i += 1) await forget(made);
    // A hedged request may not have arrived yet.
    const expected = name.includes('share one') ? 1 : STREAMS;
    await expect.poll(() => provider.requests.length).toBeGreaterThanOrEqual(expected);
    await collectGarbage(() => inFlight(router) === 0 && provider.open === 0 && records.length === STREAMS);
    expect(await openInTheEnd(provider)).toBe(0);
    expect([inFlight(router), listeners()]).toEqual([0, 0]);
    if (name.includes('asResponse')) return;
    expect(records).toHaveLength(STREAMS);
    const outcomes = records.map(({ attempts }) => attempts.map(({ outcome }) => outcome));
    if (name.includes('share one')) return;
    // A hedged call has lost attempts, too.
    expect(outcomes.every((each) => each.filter((outcome) => outcome !== 'lost').join() === 'aborted')).toBe(true);
  });

  it('is billed as an estimate, and the rest of its reservation is released', async () => {
    const price = { input: 1, output: 10 };
    const made = await scene({
      deployments: { a: { price }, b: { price } },
      budgets: [{ usd: 1, window: 'day' }],
      fallbacks: [],
    });
    const { router, signal, records } = made;
    for (let i = 0; i < STREAMS; i += 1) await streamChat(router, 'standard', { signal });
    await collectGarbage(() => records.length === STREAMS);
    expect(records.map(({ estimated, costUsd }) => [estimated, (costUsd ?? 0) > 0])).toEqual(
      Array.from({ length: STREAMS }, () => [true, true]),
    );
    const [budget] = router.snapshot().spend?.budgets ?? [];
    expect(budget).toMatchObject({ reservedUsd: 0 });
  });

  it('stays whole if it is only read late', async () => {
    const words = Array.from({ length: 50 }, (_, i) => `word ${i} `);
    const { router, provider } = await scene();
    provider.set('a', answer({ chunks: words }));
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => streamChat(router)));
    await collectGarbage(undefined, 10);
    for (const stream of streams) {
      let text = '';
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      expect(text).toBe(words.join(''));
    }
  });

  it('is collected like a plain client’s', async () => {
    await using provider = await startFakeProvider({ models: { a: endless } });
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: provider.url, maxRetries: 0 });
    for (let i = 0; i < STREAMS; i += 1) await streamChat(client, 'a');
    await collectGarbage(() => provider.open === 0);
    expect(await openInTheEnd(provider)).toBe(0);
  });
});
