import {
  type CallRecord,
  callOptions,
  callRecord,
  type DeploymentSnapshot,
  ModelRouter,
  type RouteOptions,
  type RouterSettings,
} from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  empty,
  endEarly,
  errorEvent,
  fail,
  hang,
  hangAfterHeaders,
  html,
  malformed,
  noDone,
  noFinishReason,
  type RecordedRequest,
  reset,
  stall,
} from 'model-router/testing';
import { OpenAIError } from 'openai';
import { expect, it, vi } from 'vitest';
import { pass, useFakeTime, type Watched, watch } from '../helpers/clock.js';
import fc from '../helpers/property.js';
import { fakeClients } from '../helpers/routers.js';

useFakeTime();

const MODELS = ['m0', 'm1', 'm2'];
const ms = fc.constantFrom(0, 1, 40, 300, 1500);

type Faulty = (latencyMs: number, content: (request: RecordedRequest) => string) => Behaviour;

/** Every kind of answer and fault; the content names its request. */
const behaviours: readonly Faulty[] = [
  (latencyMs, content) => answer({ latencyMs, content }),
  (latencyMs, content) => answer({ latencyMs, content, chunkMs: 200 }),
  (latencyMs, content) => answer({ latencyMs, content, logprob: -3 }),
  (latencyMs) => answer({ latencyMs, toolCalls: [{ name: 'look_up' }] }),
  (latencyMs) => answer({ latencyMs, refusal: 'No.' }),
  (latencyMs, content) => answer({ latencyMs, content, usage: false }),
  (latencyMs, content) => answer({ latencyMs, content, finishReason: 'length' }),
  (latencyMs) => fail(500, { latencyMs }),
  (latencyMs) => fail(429, { latencyMs, headers: { 'retry-after': '1' } }),
  (latencyMs) => fail(400, { latencyMs }),
  (latencyMs) => fail(401, { latencyMs }),
  (latencyMs) => fail(404, { latencyMs, code: 'model_not_found' }),
  (latencyMs) => reset({ latencyMs }),
  (latencyMs, content) => cut({ latencyMs, content, afterChunks: 1 }),
  (latencyMs, content) => endEarly({ latencyMs, content, afterChunks: 2 }),
  (latencyMs, content) => errorEvent({ latencyMs, content, afterChunks: 1 }),
  (latencyMs, content) => stall({ latencyMs, content, ms: 3000 }),
  (latencyMs, content) => noDone({ latencyMs, content }),
  (latencyMs, content) => noFinishReason({ latencyMs, content }),
  (latencyMs, content) => malformed({ latencyMs, content }),
  () => hang(),
  () => hangAfterHeaders(),
  () => empty(),
  () => html(),
];

const scripted = fc.array(fc.tuple(fc.nat({ max: behaviours.length - 1 }), ms), { minLength: 1, maxLength: 5 });

const often = <T>(value: T, ...others: T[]) => fc.constantFrom(value, value, ...others);

const routeOptions = fc.record({
  strategy: often<RouteOptions['strategy']>('priority', 'weighted', 'lowest-latency', 'lowest-cost', 'least-busy'),
  accept: often<RouteOptions['accept']>(
    undefined,
    () => false,
    (given: unknown) => !JSON.stringify(given).includes('m0'),
    async () => true,
    async (given: unknown) => {
      const isSlow = JSON.stringify(given).includes('m0');
      if (isSlow) await new Promise((resolve) => setTimeout(resolve, 500));
      return true;
    },
    () => {
      throw new Error('accept');
    },
  ),
  escalate: often<RouteOptions['escalate']>(
    undefined,
    { minConfidence: 0.5 },
    { minConfidence: 0.5, streams: 'pass', maxShare: 1 },
    { when: () => true, maxShare: 1 },
    { when: async (given: unknown) => JSON.stringify(given).includes('m0'), maxShare: 1 },
  ),
  shadow: often<RouteOptions['shadow']>(
    undefined,
    { deployment: 'm2', share: 1 },
    { deployment: 'm1', share: 1, maxConcurrent: 1, compare: () => true },
  ),
  hedgeAfterMs: often<RouteOptions['hedgeAfterMs']>(false, 20, 'p95'),
  cache: often<RouteOptions['cache']>(
    false,
    true,
    { mode: 'all', ttlMs: 500, staleMs: 1000 },
    { mode: 'all', ttlMs: 300, staleIfErrorMs: 5000, toolCalls: true },
    'idempotent',
  ),
  maxAttempts: fc.constantFrom(1, 2, 3, 5),
  chunkTimeoutMs: fc.constantFrom(100, 1000),
  failoverOn: often<RouteOptions['failoverOn']>([], ['caller-error']),
});

const deploymentOptions = fc.record({
  maxConcurrent: fc.option(fc.constantFrom(1, 2), { nil: undefined }),
  maxQueue: fc.constantFrom(0, 1, 1000),
  rpm: fc.option(fc.constantFrom(6, 60), { nil: undefined, freq: 4 }),
  tpm: fc.option(fc.constantFrom(100, 10_000), { nil: undefined, freq: 4 }),
  priced: fc.constantFrom(true, true, true, false),
});

const budgets = often<RouterSettings['budgets']>(
  [],
  [{ usd: 1, window: 'day', per: 'tenant' }],
  [{ usd: 0.012, window: 'hour' }],
  [
    { usd: 0.02, window: 'day', per: 'tenant' },
    { usd: 5, windowMs: 60_000 },
  ],
);

const KINDS = [
  'chat',
  'chat-stream',
  'chat-left',
  'chat-helper',
  'chat-parse',
  'chat-raw',
  'chat-with-response',
  'chat-stream-raw',
  'completions',
  'completions-stream',
  'responses',
  'responses-stream',
  'responses-left',
  'responses-helper',
  'embeddings',
  'embeddings-batch',
  'tools-helper',
  'moderations',
  'images',
  'speech',
  'transcription',
  'fetch',
  'fetch-stream',
] as const;
type Kind = (typeof KINDS)[number];

const calls = fc.array(
  fc.record({
    kind: fc.constantFrom<Kind>(...KINDS),
    prompt: fc.constantFrom('x', 'y'),
    tenant: fc.constantFrom('a', 'b'),
    startMs: fc.nat({ max: 1500 }),
    abortMs: fc.option(fc.nat({ max: 2000 }), { nil: undefined, freq: 4 }),
    deadlineMs: fc.constantFrom(300, 2500, 20_000),
    priority: often<'standard' | 'premium'>('standard', 'premium'),
  }),
  { minLength: 1, maxLength: 8 },
);
type GivenCall = typeof calls extends fc.Arbitrary<(infer Call)[]> ? Call : never;

const worlds = fc.record({
  scripts: fc.tuple(scripted, scripted, scripted),
  route: routeOptions,
  deployments: fc.tuple(deploymentOptions, deploymentOptions, deploymentOptions),
  budgets,
  overBudget: fc.constantFrom('refuse' as const, 'skip' as const),
  breaker: fc.constantFrom<RouterSettings['breaker']>({}, false, { consecutive: 1, cooldownMs: 1000 }),
  calls,
  closeAtMs: fc.option(fc.nat({ max: 3000 }), { nil: undefined, freq: 6 }),
  updateAtMs: fc.option(fc.nat({ max: 3000 }), { nil: undefined, freq: 6 }),
  chance: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 5 }),
});

type World = typeof worlds extends fc.Arbitrary<infer Given> ? Given : never;

/** Makes one call, and returns what its caller gets: text, or an object. */
async function begin(router: ModelRouter, call: GivenCall, signal: AbortSignal): Promise<unknown> {
  const { kind, prompt, tenant, deadlineMs, priority } = call;
  const options = { signal, ...callOptions({ tenant, deadlineMs, priority }) };
  const messages = [{ role: 'user' as const, content: prompt }];
  const chat = { model: 'standard', messages, temperature: 0, max_tokens: 50 };
  const text = { model: 'standard', prompt, temperature: 0, max_tokens: 50 };
  const response = { model: 'standard', input: prompt, temperature: 0, max_output_tokens: 50 };
  switch (kind) {
    case 'chat':
      return router.chat.completions.create(chat, options);
    case 'chat-stream':
      return textOf(await router.chat.completions.create({ ...chat, stream: true }, options));
    case 'chat-left':
      return textOf(await router.chat.completions.create({ ...chat, stream: true }, options), 1);
    case 'chat-helper':
      return router.chat.completions.stream(chat, options).finalChatCompletion();
    case 'chat-parse':
      return router.chat.completions.parse(chat, options);
    case 'chat-raw':
      return (await router.chat.completions.create(chat, options).asResponse()).text();
    case 'chat-with-response':
      return (await router.chat.completions.create(chat, options).withResponse()).data;
    case 'chat-stream-raw':
      return (await router.chat.completions.create({ ...chat, stream: true }, options).asResponse()).text();
    case 'completions':
      return router.completions.create(text, options);
    case 'completions-stream':
      return textOf(await router.completions.create({ ...text, stream: true }, options));
    case 'responses':
      return router.responses.create(response, options);
    case 'responses-stream':
      return textOf(await router.responses.create({ ...response, stream: true }, options));
    case 'responses-left':
      return textOf(await router.responses.create({ ...response, stream: true }, options), 2);
    case 'responses-helper':
      return router.responses.stream(response, options).finalResponse();
    case 'embeddings':
      return router.embeddings.create({ model: 'standard', input: prompt }, options);
    case 'embeddings-batch':
      return router.embeddings.create({ model: 'standard', input: [prompt, 'z', prompt] }, options);
    case 'tools-helper':
      return router.chat.completions
        .runTools({ ...chat, tools: [lookUp] }, { ...options, maxChatCompletions: 2 })
        .finalChatCompletion();
    case 'moderations':
      return router.moderations.create({ model: 'standard', input: prompt }, options);
    case 'images':
      return router.images.generate({ model: 'standard', prompt }, options);
    case 'speech':
      return (await router.audio.speech.create({ model: 'standard', input: prompt, voice: 'alloy' }, options)).text();
    case 'transcription':
      return router.audio.transcriptions.create({ model: 'standard', file: new File([prompt], 'x.wav') }, options);
    case 'fetch':
      return (await fetched(router.withOptions({ tenant, deadlineMs }), chat, signal)).json();
    case 'fetch-stream':
      return (await fetched(router.withOptions({ tenant, deadlineMs }), { ...chat, stream: true }, signal)).text();
  }
}

const lookUp = {
  type: 'function' as const,
  function: {
    name: 'look_up',
    parameters: {},
    description: 'Looks something up.',
    function: async () => 'found',
    parse: JSON.parse,
  },
};

const fetched = (router: ModelRouter, body: object, signal: AbortSignal) =>
  router.asFetch()('https://api.openai.com/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify(body),
    signal,
  });

/** Reads a stream to its end, or leaves it after some chunks. */
async function textOf(stream: AsyncIterable<unknown>, leaveAfter = Number.POSITIVE_INFINITY): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunks.length >= leaveAfter) break;
  }
  return chunks;
}

const sumOf = (values: readonly (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

/** What the records say, and what the router has counted. */
function expectSameSums(
  records: readonly CallRecord[],
  deployments: readonly DeploymentSnapshot[],
  totalUsd: number | null,
) {
  const attempts = records.flatMap((record) => record.attempts);
  expect(sumOf(deployments.map(({ requests }) => requests))).toBe(attempts.length);
  expect(totalUsd ?? 0).toBeCloseTo(sumOf(attempts.map(({ costUsd }) => costUsd)), 9);
  for (const { costUsd, attempts } of records) {
    const costs = attempts.map((each) => each.costUsd);
    if (costs.includes(null)) expect(costUsd).toBe(null);
    else expect(costUsd).toBeCloseTo(sumOf(costs), 9);
  }
}

/** An ended call has no attempt that runs on, and one answer, or two if it was escalated. */
function expectEnded(records: readonly CallRecord[]): void {
  for (const { attempts, escalated } of records) {
    const outcomes = attempts.map(({ outcome }) => outcome);
    expect(outcomes).not.toContain('pending');
    expect(outcomes.filter((each) => each === 'success').length).toBeLessThanOrEqual(escalated ? 2 : 1);
  }
}

interface Made {
  readonly call: GivenCall;
  readonly watched: Watched<unknown>;
}

/** What gives the platform's own errors: a `fetch`, and a body that the caller reads. */
const isOfThePlatform = (kind: Kind) => kind.endsWith('raw') || kind.startsWith('fetch') || kind === 'speech';

/** With a plain client, too, broken JSON is the parser's own error, and a broken body the platform's. */
function isOfTheSdk({ kind }: GivenCall, error: unknown): boolean {
  const isBrokenBody = error instanceof TypeError && error.message === 'terminated';
  return error instanceof OpenAIError || error instanceof SyntaxError || isBrokenBody || isOfThePlatform(kind);
}

const promptOf = ({ body }: RecordedRequest): string =>
  /"(?:content|input|prompt)":"([xy])"/.exec(JSON.stringify(body))?.[1] ?? '?';

/** The router of a world, its fake provider, and the records of the calls that have ended. */
function routerOf(world: World) {
  let served = 0;
  const models = MODELS.map((name, at) => {
    const content = (request: RecordedRequest) => `[${promptOf(request)} ${served++}] and more words`;
    const script = (world.scripts[at] ?? []).flatMap(
      ([which, latencyMs]) => behaviours[which]?.(latencyMs, content) ?? [],
    );
    return [name, script] as const;
  });
  const { fake, clients } = fakeClients(['default', 'other'], { models: Object.fromEntries(models) });
  const deployments = world.deployments.map(({ priced, ...options }, at) => [
    `m${at}`,
    { client: at === 1 ? 'other' : 'default', ...options, ...(priced && { price: { input: 10, output: 100 } }) },
  ]);
  let drawn = 0;
  const router = new ModelRouter({
    clients,
    deployments: Object.fromEntries(deployments),
    routes: { standard: { deployments: MODELS, ...world.route } },
    budgets: world.budgets ?? [],
    overBudget: world.overBudget,
    breaker: world.breaker ?? {},
    random: () => world.chance[drawn++ % world.chance.length] ?? 0,
    logLevel: 'off',
  });
  const ended: CallRecord[] = [];
  router.on('call-ended', ({ record }) => ended.push(record));
  return { router, fake, ended };
}

/** Makes all calls, and waits well beyond the end of the last one. */
async function live(router: ModelRouter, { calls, closeAtMs, updateAtMs, route }: World): Promise<Made[]> {
  const made = calls.map((call): Made => {
    const controller = new AbortController();
    const promise = new Promise((resolve, reject) => {
      setTimeout(() => begin(router, call, controller.signal).then(resolve, reject), call.startMs);
    });
    // An unread body has no time limit of its own.
    const abortMs = call.abortMs ?? (isOfThePlatform(call.kind) ? 60_000 : undefined);
    if (abortMs !== undefined) setTimeout(() => controller.abort(), call.startMs + abortMs);
    return { call, watched: watch(promise) };
  });
  if (closeAtMs !== undefined) setTimeout(() => void router.close(), closeAtMs);
  else if (updateAtMs !== undefined)
    setTimeout(() => router.update({ routes: { standard: { ...route, deployments: ['m2', 'm0'] } } }), updateAtMs);
  await pass(200_000);
  return made;
}

function expectEnds(made: readonly Made[]): void {
  /** By an answer's number: whose it is. */
  const owners = new Map<string, string>();
  for (const { call, watched } of made) {
    expect(watched.state).not.toBe('pending');
    if (watched.state === 'rejected') expect(isOfTheSdk(call, watched.error) || watched.error).toBe(true);
    const record = callRecord(watched.value) ?? callRecord(watched.error);
    expect(record?.tenant ?? call.tenant).toBe(call.tenant);
    expect(record?.attempts.map(({ outcome }) => outcome) ?? []).not.toContain('pending');
    const text = JSON.stringify(watched.value ?? null);
    for (const [, prompt, number = ''] of text.matchAll(/\[([xy]) (\d+)\]/g)) {
      expect(prompt).toBe(call.prompt);
      // A tenant never gets an answer of another one.
      expect(owners.get(number) ?? call.tenant).toBe(call.tenant);
      owners.set(number, call.tenant);
    }
  }
}

it('ends each call as the SDK would, with its own answer, whatever options are combined, and leaves nothing', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      const { router, fake, ended } = routerOf(world);
      const made = await live(router, world);
      expectEnds(made);
      const { deployments, spend } = router.snapshot();
      const all = Object.values(deployments);
      if (world.closeAtMs === undefined) {
        // Refreshing a stale answer is a call of its own.
        expect(ended.length).toBeGreaterThanOrEqual(made.length);
        expect(new Set(ended.map(({ id }) => id)).size).toBe(ended.length);
        expectEnded(ended);
        if (world.route.shadow === undefined) expectSameSums(ended, all, spend.totalUsd);
      }
      expect(all.filter(({ inFlight }) => inFlight !== 0)).toEqual([]);
      for (const { reservedUsd, spentUsd, limitUsd } of spend.budgets) {
        expect(reservedUsd).toBe(0);
        expect(spentUsd).toBeLessThanOrEqual(limitUsd);
      }
      expect(vi.getTimerCount()).toBeLessThanOrEqual(all.filter(({ state }) => state === 'open').length);
      await router.close();
      expect(vi.getTimerCount()).toBe(0);
      expect(fake.open).toBe(0);
      await fake.close();
    }),
    { numRuns: 300 },
  );
});
