import { type AttemptRecord, InvalidAnswerError, StreamInterruptedError } from 'model-router';
import { answer, bytes } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import {
  answerCases,
  chat,
  entryPoints,
  failWith,
  httpCases,
  sendEvents,
  sendJson,
  streamCases,
  withFallback,
} from '../helpers/provider-cases.js';

const FALLBACK = 'From the fallback.';
const kinds = entryPoints.flatMap((entryPoint) => [false, true].map((stream) => ({ entryPoint, stream })));

/** The records of all attempts, even if a call's own record is out of reach. */
function recorded(built: ReturnType<typeof withFallback>): AttemptRecord[] {
  const attempts: AttemptRecord[] = [];
  built.router.on('call-ended', ({ record }) => attempts.push(...record.attempts));
  return attempts;
}

describe.each(kinds)('an error status ($entryPoint, stream: $stream)', ({ entryPoint, stream }) => {
  it.each(httpCases)('$id: $what', async (given) => {
    const built = withFallback(failWith(given), { maxAttempts: 2 });
    const attempts = recorded(built);
    const seen = await chat(built, entryPoint, stream);
    expect(attempts[0]).toMatchObject({ outcome: given.outcome, status: given.status });
    expect(built.calledModels()).toEqual(given.answeredByFallback ? ['a', 'b'] : ['a']);
    if (given.answeredByFallback) expect(seen).toMatchObject({ text: FALLBACK, status: 200 });
    else expect(seen.status).toBe(given.status);
  });
});

describe.each(entryPoints)('an answer with status 200 (%s)', (entryPoint) => {
  it.each(answerCases)('$id: $what', async (given) => {
    const built = withFallback(answer({ body: given.body }), { maxAttempts: 2 });
    const attempts = recorded(built);
    const seen = await chat(built, entryPoint, false);
    expect(attempts[0]?.outcome).toBe(given.outcome);
    expect(built.calledModels()).toEqual(given.answeredByFallback ? ['a', 'b'] : ['a']);
    if (given.answeredByFallback) expect(seen.text).toBe(FALLBACK);
    else expect(seen.status).toBe(given.outcome === 'success' ? 200 : 400);
  });
});

describe.each(entryPoints)('JSON with status 200 instead of a stream (%s)', (entryPoint) => {
  it.each(answerCases)('$id: $what', async (given) => {
    const built = withFallback(sendJson(given.body), { maxAttempts: 2 });
    const attempts = recorded(built);
    const seen = await chat(built, entryPoint, true);
    // A whole answer is no stream.
    expect(attempts[0]?.outcome).toBe(given.outcome === 'success' ? 'invalid-answer' : given.outcome);
    if (given.answeredByFallback || given.outcome === 'success') expect(seen.text).toBe(FALLBACK);
    else expect(seen.status).toBe(400);
  });

  it('opens no breaker after a caller’s mistake, whatever its line breaks and spacing', async () => {
    const text = ` \n ${JSON.stringify({ error: { message: 'bad schema', code: 400 } }, null, 2)}`;
    const json = { 'content-type': 'application/json' };
    const built = withFallback(bytes({ headers: json, chunks: [text.slice(0, 2), text.slice(2, 9), text.slice(9)] }), {
      breaker: { consecutive: 1 },
    });
    expect(await chat(built, entryPoint, true)).toMatchObject({ status: 400 });
    expect(built.router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
  });
});

describe.each(entryPoints)('a stream (%s)', (entryPoint) => {
  it.each(streamCases)('$id: $what', async (given) => {
    const built = withFallback(sendEvents(given.events), { maxAttempts: 2 });
    const attempts = recorded(built);
    const seen = await chat(built, entryPoint, true);
    expect(attempts[0]?.outcome).toBe(given.outcome);
    expect(built.calledModels()).toEqual(given.ends === 'fallback' ? ['a', 'b'] : ['a']);
    if (given.ends === 'fallback') expect(seen.text).toBe(FALLBACK);
    if (given.ends === 'answer') expect(seen).toMatchObject({ text: '', status: 200 });
    if (given.ends === 'error') expect(seen.status).toBeGreaterThanOrEqual(400);
    if (given.ends === 'interrupted' && entryPoint === 'class') {
      expect(seen.error).toBeInstanceOf(StreamInterruptedError);
      expect(seen.error).toMatchObject({ reason: 'error-event', text: 'Half an ans' });
    }
  });
});

describe('shared state', () => {
  it.each(httpCases.filter(({ isFromText }) => isFromText))(
    'does not change where only the wording suggests it: $id',
    async (given) => {
      const warnings: string[] = [];
      const built = withFallback(failWith(given), {
        breaker: { consecutive: 1, failures: 1, minRate: 0 },
        logger: { error() {}, info() {}, debug() {}, warn: (line: string) => warnings.push(line) },
        logLevel: 'warn',
      });
      await chat(built, 'class', false);
      await chat(built, 'class', false);
      expect(built.calledModels()).toEqual(['a', 'b', 'a', 'b']);
      expect(built.router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
      expect(warnings.filter((line) => line.includes('only its wording'))).toHaveLength(1);
    },
  );

  it.each(['arrears-400', 'balance-glm-429', 'key-array-400', 'suspended-412'])(
    'changes with an error code: %s',
    async (id) => {
      const given = httpCases.find((each) => each.id === id);
      if (given === undefined) throw new TypeError(id);
      const built = withFallback(failWith(given));
      await chat(built, 'class', false);
      await chat(built, 'class', false);
      expect(built.calledModels()).toEqual(['a', 'b', 'b']);
    },
  );

  it.each([
    'access-litellm-401',
    'prompt-cloudflare-424',
    'user-budget-litellm-400',
    'model-budget-litellm-429',
    'tools-ollama-400',
    'embeddings-llamacpp-501',
    'api-vllm-501',
    'image-llamacpp-500',
    'roles-llamacpp-500',
  ])('does not change with what concerns one model or one prompt, whatever its status: %s', async (id) => {
    const given = httpCases.find((each) => each.id === id);
    if (given === undefined) throw new TypeError(id);
    const built = withFallback(failWith(given), { breaker: { consecutive: 1, failures: 1, minRate: 0 } });
    for (let i = 0; i < 2; i++) await chat(built, 'class', false);
    expect(built.calledModels().filter((model) => model === 'a')).toHaveLength(2);
    const { deployments } = built.router.snapshot();
    expect(deployments.a).toMatchObject({ state: 'closed', failures: 0, suspendedUntil: null });
  });

  it('does not change with a caller’s mistake that comes with status 200, or as an event', async () => {
    const mistake = { error: { message: 'bad schema', code: 400 } };
    const whole = withFallback(answer({ body: mistake }), { breaker: { consecutive: 1 } });
    const streamed = withFallback(sendEvents([mistake]), { breaker: { consecutive: 1 } });
    for (let i = 0; i < 5; i++) {
      expect(await chat(whole, 'class', false)).toMatchObject({ status: 400 });
      expect(await chat(streamed, 'class', true)).toMatchObject({ status: 400 });
    }
    for (const { router } of [whole, streamed])
      expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', failures: 0 });
  });
});

describe('an invalid answer, if no other deployment is left', () => {
  it('is an InvalidAnswerError, and 502 through asFetch', async () => {
    const built = withFallback(answer({ body: { choices: [{ index: 0, message: null }] } }), {
      routes: { standard: ['a'] },
    });
    const { error } = await chat(built, 'class', false);
    expect(error).toBeInstanceOf(InvalidAnswerError);
    expect(error).toMatchObject({ name: 'InvalidAnswerError', code: 'invalid_answer' });
    const url = 'https://api.openai.com/v1/chat/completions';
    const body = JSON.stringify({ model: 'standard', messages: [] });
    const response = await built.router.asFetch()(url, { method: 'POST', body });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_answer' } });
  });
});
