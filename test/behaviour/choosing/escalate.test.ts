import { callOptions, callRecord, InvalidAnswerError, ModelRouter } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { answer, cut, fail, hang, type Script } from 'model-router/testing';
import { APIUserAbortError } from 'openai';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../../helpers/clock.js';
import { rawRouter } from '../../helpers/raw-answers.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

const messages = [{ role: 'user' as const, content: 'Hi' }];
const body = { model: 'chat', messages };
const sure = (content: string, probability: number, more: object = {}) =>
  answer({ content, logprob: Math.log(probability), ...more });

function cheapFirst(cheap: Script, better: Script, rules: object, more: Setup = {}) {
  return build(
    { cheap, better },
    {
      random: seededRandom(1),
      deployments: { cheap: { price: { input: 1, output: 1 } }, better: { price: { input: 10, output: 10 } } },
      routes: { chat: { deployments: ['cheap', 'better'], ...rules } },
      ...more,
    },
  );
}

const escalate = { minConfidence: 0.8, maxShare: 1 };
const text = (value: unknown) => (value as { choices: { message: { content: string } }[] }).choices[0]?.message.content;

describe('escalate', () => {
  it('returns a confident answer, and requests the next deployment for one that is not', async () => {
    const kept = cheapFirst(sure('cheap', 0.95), sure('better', 0.9), { escalate });
    const first = await settled(kept.router.chat.completions.create(body));
    expect(text(first.value)).toBe('cheap');
    expect(callRecord(first.value)).toMatchObject({ confidence: expect.closeTo(0.95, 2), escalated: false });
    const unsure = cheapFirst(sure('cheap', 0.5), sure('better', 0.9), { escalate });
    const events: unknown[] = [];
    unsure.router.on('call-escalated', (event) => events.push(event));
    const second = await settled(unsure.router.chat.completions.create(body));
    expect(text(second.value)).toBe('better');
    const record = callRecord(second.value);
    expect(record).toMatchObject({ confidence: expect.closeTo(0.5, 2), escalated: true, deployment: 'better' });
    expect(record?.attempts.map(({ outcome }) => outcome)).toEqual(['success', 'success']);
    const [a = 0, b = 0] = record?.attempts.map(({ costUsd }) => costUsd ?? 0) ?? [];
    expect(b).toBeGreaterThan(5 * a);
    expect(record?.costUsd).toBeCloseTo(a + b, 9);
    expect(events).toMatchObject([{ from: 'cheap', route: 'chat', confidence: expect.closeTo(0.5, 2) }]);
  });

  it('is counted in the comparison of a weighted route', async () => {
    const strategy = { by: 'weighted', weights: { cheap: 1, better: 0 } };
    const { router } = cheapFirst(sure('cheap', 0.5), sure('better', 0.9), { escalate, strategy });
    await settled(router.chat.completions.create(body));
    expect(router.abReport('chat').variants).toMatchObject({ cheap: { calls: 1, escalations: 1, crossed: 1 } });
  });

  it('requests log probabilities, and removes them for a caller that did not request them', async () => {
    const { router, fake } = cheapFirst(sure('cheap', 0.95), sure('better', 0.9), { escalate });
    const { value } = await settled(router.chat.completions.create(body));
    expect(fake.requests[0]?.body).toMatchObject({ logprobs: true });
    expect((value as { choices: { logprobs: unknown }[] }).choices[0]?.logprobs).toBeNull();
    const own = await settled(router.chat.completions.create({ ...body, logprobs: true }));
    expect((own.value as { choices: { logprobs: unknown }[] }).choices[0]?.logprobs).not.toBeNull();
  });

  it.each<[string, Script]>([
    ['fails', fail(400)],
    ['is down', fail(503)],
    ['does not answer in time', hang()],
  ])('returns the first answer where the next deployment %s', async (_, better) => {
    const { router } = cheapFirst(sure('cheap', 0.5), better, { escalate, deadlineMs: 3000 });
    const { value, at } = await settled(router.chat.completions.create(body));
    expect(text(value)).toBe('cheap');
    expect(at).toBeLessThanOrEqual(3025);
    expect(callRecord(value)).toMatchObject({ escalated: true, deployment: 'cheap', servedModel: 'cheap' });
  });

  it('stops requesting them for ten minutes from a model that refuses the parameter', async () => {
    const refuses: Script = ({ body: sent }) =>
      (sent as { logprobs?: unknown }).logprobs === true
        ? fail(400, { message: 'logprobs are not supported' })
        : answer({ content: 'cheap' });
    const { router, fake } = cheapFirst(refuses, sure('better', 0.9), { escalate });
    for (let i = 0; i < 2; i += 1) {
      const { value } = await settled(router.chat.completions.create(body));
      expect(text(value)).toBe('cheap');
      expect(callRecord(value)).toMatchObject({ confidence: null, escalated: false });
    }
    expect(fake.requests).toHaveLength(3);
  });

  it('applies `unknown` where the confidence is unknown', async () => {
    const unknown = answer({ toolCalls: [{ name: 'f', arguments: {} }] });
    const tools = [{ type: 'function' as const, function: { name: 'f', parameters: {} } }];
    const events: unknown[] = [];
    const keep = cheapFirst(unknown, sure('better', 0.9), { escalate });
    keep.router.on('confidence-unknown', (event) => events.push(event));
    expect(callRecord((await settled(keep.router.chat.completions.create({ ...body, tools }))).value)?.escalated).toBe(
      false,
    );
    expect(events).toMatchObject([{ deployment: 'cheap' }]);
    const escalating = cheapFirst(unknown, sure('better', 0.9), { escalate: { ...escalate, unknown: 'escalate' } });
    expect(
      callRecord((await settled(escalating.router.chat.completions.create({ ...body, tools }))).value)?.escalated,
    ).toBe(true);
  });

  it('calls your function with a copy of the answer, and loses no answer', async () => {
    const when = (given: { choices: { message: { content: string } }[] }, about: object) => {
      expect(about).toMatchObject({ deployment: 'cheap', confidence: null });
      const [choice] = given.choices;
      const isShort = choice?.message.content.length === 2;
      if (choice !== undefined) choice.message.content = 'changed';
      return isShort;
    };
    const short = cheapFirst(answer({ content: 'no' }), answer({ content: 'better' }), { escalate: { when } });
    expect(text((await settled(short.router.chat.completions.create(body))).value)).toBe('better');
    const long = cheapFirst(answer({ content: 'a long answer' }), answer({ content: 'better' }), {
      escalate: { when },
    });
    expect(text((await settled(long.router.chat.completions.create(body))).value)).toBe('a long answer');
    const throws = () => {
      throw new Error('mine');
    };
    const broken = cheapFirst(answer({ content: 'cheap' }), answer(), { escalate: { when: throws } });
    expect(text((await settled(broken.router.chat.completions.create(body))).value)).toBe('cheap');
    const hangs = cheapFirst(answer({ content: 'cheap' }), answer(), {
      escalate: { when: () => new Promise(() => undefined) },
      deadlineMs: 500,
    });
    const { value, at } = await settled(hangs.router.chat.completions.create(body));
    expect(text(value)).toBe('cheap');
    expect(at).toBeLessThanOrEqual(525);
  });

  it('never escalates more than maxShare, after the first ten calls', async () => {
    const { router } = cheapFirst(sure('cheap', 0.1), sure('better', 0.9), {
      escalate: { ...escalate, maxShare: 0.25 },
    });
    const capped: unknown[] = [];
    router.on('escalation-capped', (event) => capped.push(event));
    let escalated = 0;
    for (let i = 0; i < 200; i += 1) {
      const { value } = await settled(router.chat.completions.create(body));
      if (callRecord(value)?.escalated) escalated += 1;
    }
    expect(escalated).toBeGreaterThanOrEqual(48);
    expect(escalated).toBeLessThanOrEqual(51);
    expect(capped).toHaveLength(200 - escalated);
  });

  it('maxAttempts: 1 means no escalation', async () => {
    const { router, fake } = cheapFirst(sure('cheap', 0.1), sure('better', 0.9), { escalate });
    await settled(router.chat.completions.create(body, callOptions({ maxAttempts: 1 })));
    expect(fake.requests).toHaveLength(1);
  });

  it('judges Responses, too', async () => {
    const { router } = cheapFirst(sure('cheap', 0.1), sure('better', 0.9), { escalate });
    const { value } = await settled(router.responses.create({ model: 'chat', input: 'Hi', store: false }));
    expect(value?.output_text).toBe('better');
    const kept = cheapFirst(sure('cheap', 0.95), sure('better', 0.9), { escalate });
    const first = await settled(kept.router.responses.create({ model: 'chat', input: 'Hi', store: false }));
    expect(first.value?.output_text).toBe('cheap');
    expect(callRecord(first.value)?.confidence).toBeCloseTo(0.95, 2);
    expect(JSON.stringify(first.value)).not.toContain('"logprob"');
  });
});

describe('streams', () => {
  async function read(router: ModelRouter): Promise<{ text: string; chunks: unknown[]; stream: unknown }> {
    const { value: stream, error } = await settled(router.chat.completions.create({ ...body, stream: true }));
    if (stream === undefined) throw error;
    const chunks: { choices: { delta: { content?: string | null } }[] }[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return { text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), chunks, stream };
  }

  it('are held until their answer is judged', async () => {
    const kept = await read(cheapFirst(sure('a sure answer', 0.95), sure('better', 0.9), { escalate }).router);
    expect(kept.text).toBe('a sure answer');
    expect(JSON.stringify(kept.chunks)).not.toContain('"logprob"');
    expect(callRecord(kept.stream)).toMatchObject({ confidence: expect.closeTo(0.95, 2), deployment: 'cheap' });
    const escalated = await read(cheapFirst(sure('unsure', 0.5), sure('better', 0.9), { escalate }).router);
    expect(escalated.text).toBe('better');
    expect(callRecord(escalated.stream)).toMatchObject({ escalated: true, deployment: 'better' });
  });

  it('that break while they are held fail over', async () => {
    const { router } = cheapFirst(cut({ content: 'half an answer', afterChunks: 2 } as never), sure('better', 0.9), {
      escalate,
    });
    const { text: said, stream } = await read(router);
    expect(said).toBe('better');
    expect(
      callRecord(stream)
        ?.attempts.map(({ deployment }) => deployment)
        .at(-1),
    ).toBe('better');
  });

  it.each([
    ['break', cut({ chunks: ['half ', 'an ', 'answer'], afterChunks: 2 }), ['interrupted', 'success']],
    ['are incomplete at the deadline', answer({ chunks: ['half ', 'an ', 'answer'], chunkMs: 400 }), ['deadline']],
  ])('that %s while they are held cost what has arrived of them', async (_, cheap, outcomes) => {
    const { router } = cheapFirst(
      cheap,
      sure('better', 0.9),
      { accept: () => true, deadlineMs: 700 },
      { deployments: { cheap: { price: { input: 0, output: 1e6 } }, better: { price: { input: 0, output: 0 } } } },
    );
    const { value, error } = await settled(router.chat.completions.create({ ...body, max_tokens: 1000, stream: true }));
    const attempts = callRecord(value ?? error)?.attempts;
    expect(attempts?.map(({ outcome }) => outcome)).toEqual(outcomes);
    // A dollar for each token of "half an ", not for the thousand that it might have written.
    expect(attempts?.[0]).toMatchObject({ status: 200, costUsd: 4, estimated: true });
  });

  it('are passed on unjudged if configured', async () => {
    const rules = { escalate: { ...escalate, streams: 'pass' } };
    const { text: said, stream } = await read(cheapFirst(sure('unsure', 0.1), sure('better', 0.9), rules).router);
    expect(said).toBe('unsure');
    expect(callRecord(stream)).toMatchObject({ escalated: false, confidence: null });
  });
});

describe('accept', () => {
  it('takes no time of the deployment: only the call waits for it', async () => {
    const slowly = () => new Promise<boolean>((resolve) => setTimeout(resolve, 2000, true));
    for (const stream of [false, true]) {
      const { router } = cheapFirst(answer({ latencyMs: 20 }), sure('better', 0.9), { accept: slowly });
      const { value } = await settled<unknown>(router.chat.completions.create({ ...body, stream }));
      expect(callRecord(value)?.attempts[0]?.durationMs).toBe(20);
      const { cheap } = router.snapshot().deployments;
      expect((stream ? cheap?.timeToFirstChunkMs : cheap?.latencyMs)?.p50).toBe(20);
    }
  });

  const isJson = (given: unknown) => {
    try {
      JSON.parse(text(given) ?? '');
      return true;
    } catch {
      return false;
    }
  };

  it('a refused answer fails over, is billed, and does not count for the breaker', async () => {
    const { router } = cheapFirst(answer({ content: 'prose' }), answer({ content: '{"a":1}' }), { accept: isJson });
    for (let i = 0; i < 8; i += 1) {
      const { value } = await settled(router.chat.completions.create(body));
      expect(text(value)).toBe('{"a":1}');
      const [refused] = callRecord(value)?.attempts ?? [];
      expect(refused).toMatchObject({ deployment: 'cheap', outcome: 'invalid-answer' });
      expect(refused?.costUsd).toBeGreaterThan(0);
      expect(refused?.estimated).toBeUndefined();
    }
    expect(router.snapshot().deployments.cheap?.state).toBe('closed');
  });

  it('the call fails if all answers are refused', async () => {
    const { router, fake } = cheapFirst(answer({ content: 'prose' }), answer({ content: 'more prose' }), {
      accept: () => Promise.resolve(false),
    });
    const { error } = await settled(router.chat.completions.create(body));
    expect(error).toBeInstanceOf(InvalidAnswerError);
    expect(fake.requests).toHaveLength(2);
  });

  it('a judge that throws loses no answer', async () => {
    const { router } = cheapFirst(answer({ content: 'prose' }), answer(), {
      accept: () => {
        throw new Error('mine');
      },
    });
    expect(text((await settled(router.chat.completions.create(body))).value)).toBe('prose');
  });

  it.each([
    ['accept', { accept: () => new Promise(() => undefined) }],
    ['escalate.when', { escalate: { when: () => new Promise(() => undefined), maxShare: 1 } }],
  ])('an abort while %s runs ends the call at once; the answer is billed', async (_, rules) => {
    const { router } = cheapFirst(answer({ content: 'prose' }), answer(), { ...rules, deadlineMs: 5000 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const { error, at } = await settled(router.chat.completions.create(body, { signal: controller.signal }));
    expect(error).toBeInstanceOf(APIUserAbortError);
    expect(at).toBe(50);
    const record = callRecord(error);
    expect(record?.attempts).toHaveLength(1);
    expect(record?.costUsd).toBeGreaterThan(0);
    expect(router.snapshot().deployments.cheap?.inFlight).toBe(0);
  });

  it('sees the whole of a response that ends with response.done, as of OpenRouter’s beta', async () => {
    const response = { id: 'r', object: 'response', status: 'completed', output: [], model: 'm' };
    const { router } = rawRouter(
      () => ({
        events: [
          { type: 'response.output_text.delta', delta: 'prose', item_id: 'i', output_index: 0, content_index: 0 },
          { type: 'response.done', response },
        ],
      }),
      { deployments: { m: {} }, routes: { standard: { deployments: ['m'], accept: () => false } }, maxAttempts: 1 },
    );
    const { error } = await settled(
      router.responses.create({ model: 'standard', input: 'Hi', stream: true }).then(async (stream) => {
        for await (const _ of stream);
      }),
    );
    expect(error).toBeInstanceOf(InvalidAnswerError);
  });

  it('holds streams until they are judged, and parse() gets the accepted answer', async () => {
    const { router } = cheapFirst(answer({ content: 'prose' }), answer({ content: '{"a":1}' }), { accept: isJson });
    const { value: stream } = await settled(router.chat.completions.create({ ...body, stream: true }));
    let said = '';
    for await (const chunk of stream ?? []) said += chunk.choices[0]?.delta.content ?? '';
    expect(said).toBe('{"a":1}');
    const parsed = await settled(router.chat.completions.parse({ ...body, response_format: { type: 'json_object' } }));
    expect(text(parsed.value)).toBe('{"a":1}');
  });
});

it.each([
  ['routes.chat.escalate', { escalate: {} }],
  ['routes.chat.escalate.minConfidence', { escalate: { minConfidence: 80 } }],
  ['routes.chat.escalate.score', { escalate: { minConfidence: 0.8, score: 'best' } }],
  ['routes.chat.escalate.streams', { escalate: { minConfidence: 0.8, streams: 'drop' } }],
  ['routes.chat.accept', { accept: 'json' }],
  ['routes.chat.shadow.deployment', { shadow: { deployment: 'b' } }],
  ['routes.chat.shadow.share', { shadow: { deployment: 'a', share: 2 } }],
])('%s is checked', (option, rules) => {
  const routes = { chat: { deployments: ['a'], ...rules } } as never;
  expect(() => new ModelRouter({ clients: { default: { apiKey: 'k' } }, deployments: { a: {} }, routes })).toThrow(
    expect.objectContaining({ code: 'invalid_option', option }),
  );
});
