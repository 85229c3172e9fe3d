import {
  callRecord,
  type Logger,
  type LogLevel,
  type ModelRouter,
  type RouterEvent,
  type RouterEventType,
} from 'model-router';
import { answer, cut, fail, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

/** All events of these types, as they come. */
function hear(router: ModelRouter, ...types: RouterEventType[]): RouterEvent[] {
  const received: RouterEvent[] = [];
  for (const type of types) router.on(type, (event) => received.push(event));
  return received;
}

describe('events', () => {
  it('report each attempt and the end of a call, in order', async () => {
    const { router } = build({ a: fail(503), b: answer() });
    const received = hear(router, 'attempt-started', 'attempt-failed', 'call-ended');
    const record = callRecord(await sendChat(router));
    const callId = record?.id;
    expect(received).toEqual([
      { type: 'attempt-started', callId, deployment: 'a', number: 1 },
      { type: 'attempt-failed', callId, attempt: record?.attempts[0] },
      { type: 'attempt-started', callId, deployment: 'b', number: 2 },
      { type: 'call-ended', record, error: null },
    ]);
  });

  it('report a failed call, with its error in short', async () => {
    const { router } = build({ a: fail(400, { code: 'bad_thing', message: 'Secret text.' }) });
    const received = hear(router, 'call-ended');
    const error = await errorOf(sendChat(router));
    expect(received).toEqual([
      {
        type: 'call-ended',
        record: callRecord(error),
        error: { name: 'BadRequestError', status: 400, code: 'bad_thing' },
      },
    ]);
    expect(JSON.stringify(received)).not.toContain('Secret text');
  });

  it('report a call that was never sent', async () => {
    const { router } = build({ a: answer() });
    const received = hear(router, 'call-ended', 'attempt-started');
    await errorOf(sendChat(router, 'standard', { signal: AbortSignal.abort() }));
    await errorOf(sendChatWith(router, { regions: ['mars'] }));
    expect(received).toMatchObject([
      { type: 'call-ended', error: { name: 'APIUserAbortError' } },
      { type: 'call-ended', error: { code: 'no_deployment_available' } },
    ]);
  });

  it('report a stream when it has ended, once', async () => {
    const { router } = build({ a: [answer(), cut()] });
    const received = hear(router, 'call-ended', 'attempt-failed');
    const stream = await streamChat(router);
    expect(received).toEqual([]);
    await read(stream);
    expect(received).toMatchObject([{ type: 'call-ended', error: null }]);
    await read(await streamChat(router));
    expect(received.slice(1)).toMatchObject([
      { type: 'attempt-failed', attempt: { outcome: 'interrupted' } },
      { type: 'call-ended', error: { code: 'stream_interrupted' } },
    ]);
  });

  it('report a slow attempt above slowMs, and not at it', async () => {
    const { router } = build({ a: [answer({ latencyMs: 500 }), answer({ latencyMs: 501 })] });
    const received = hear(router, 'attempt-slow');
    await settled(sendChat(router));
    expect(received).toEqual([]);
    const { value } = await settled(sendChat(router));
    const callId = callRecord(value)?.id;
    expect(received).toEqual([
      { type: 'attempt-slow', callId, deployment: 'a', number: 1, slowMs: 500, durationMs: 501 },
    ]);
    expect(router.snapshot().deployments.a?.slow).toBe(1);
  });

  it('report slowness of failures too, and of streams by their first content', async () => {
    const slow = { latencyMs: 50, chunkMs: 5000 };
    const { router } = build({ a: fail(500, { latencyMs: 101 }), b: answer(slow) }, { slowMs: 100 });
    const received = hear(router, 'attempt-slow');
    await settled(streamChat(router).then(read));
    expect(received).toMatchObject([{ deployment: 'a', durationMs: 101 }]);
  });

  it('report pauses, suspended clients, unknown models, and breakers', async () => {
    const { router } = build(
      {
        'vendor/model': fail(404, { code: 'model_not_found' }),
        busy: fail(429, { headers: { 'retry-after': '3' } }),
        locked: fail(401),
        down: fail(500),
        'vendor/model-2': answer(),
      },
      { maxAttempts: 9, breaker: { consecutive: 1 }, clients: ['default', 'other'] },
    );
    const received = hear(
      router,
      'deployment-paused',
      'client-suspended',
      'model-not-found',
      'breaker-opened',
      'breaker-closed',
    );
    for (const model of ['vendor/model', 'busy', 'down', 'locked'])
      await errorOf(sendChat(router, model, { maxRetries: 0 }));
    expect(received).toEqual([
      { type: 'model-not-found', deployment: 'vendor/model', model: 'vendor/model', nearest: 'vendor/model-2' },
      { type: 'deployment-paused', deployment: 'busy', forMs: 3000, status: 429 },
      { type: 'breaker-opened', deployment: 'down', cooldownMs: 10_000 },
      { type: 'client-suspended', client: 'default', forMs: 60_000, status: 401, code: 'invalid_api_key' },
    ]);
  });

  it('reach the listener until it is removed', async () => {
    const { router } = build({ a: answer() });
    const received: string[] = [];
    const off = router.on('call-ended', () => received.push('first'));
    router.on('call-ended', () => received.push('second'));
    await sendChat(router);
    off();
    off();
    await sendChat(router);
    expect(received).toEqual(['first', 'second', 'second']);
  });

  it('of a view are those of its router', async () => {
    const { router } = build({ a: answer() });
    const received = hear(router.withOptions({ priority: 'premium' }), 'call-ended');
    await sendChat(router);
    expect(received).toHaveLength(1);
  });

  it('are copies: a listener that changes one changes nothing else', async () => {
    const { router } = build({ a: answer() });
    router.on('call-ended', (event) => {
      event.record.deployment = 'changed';
      for (const attempt of event.record.attempts) attempt.outcome = 'timeout';
    });
    expect(callRecord(await sendChat(router))).toMatchObject({ deployment: 'a', attempts: [{ outcome: 'success' }] });
  });

  it('continue after a listener throws or rejects', async () => {
    const { router } = build({ a: fail(429, { headers: { 'retry-after': '1' } }), b: answer() }, { slowMs: 1 });
    const types = ['attempt-started', 'attempt-failed', 'attempt-slow', 'deployment-paused', 'call-ended'] as const;
    for (const type of types) {
      router.on(type, () => {
        throw new Error('the listener’s fault');
      });
      router.on(type, () => Promise.reject(new Error('the listener’s fault')));
    }
    const received = hear(router, 'call-ended');
    await sendChat(router);
    expect(received).toHaveLength(1);
  });
});

describe('the log', () => {
  function logging(level: LogLevel = 'info') {
    const lines: string[] = [];
    const write = (name: string) => (message: string) => void lines.push(`${name}: ${message}`);
    const logger: Logger = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
    return { lines, options: { logger, logLevel: level } };
  }
  const usage = { inputTokens: 1000, outputTokens: 100 };

  it('has one line per call at info: deployment, outcome, time, tokens, cost', async () => {
    const { lines, options } = logging();
    const { router } = build(
      { a: fail(503, { latencyMs: 40 }), b: answer({ latencyMs: 100, usage, servedModel: 'b-2024' }) },
      { deployments: { a: {}, b: { price: { input: 1, output: 10 } } }, routes: { standard: ['a', 'b'] }, ...options },
    );
    const { value } = await settled(sendChat(router));
    expect(lines.filter((line) => line.startsWith('info: '))).toEqual([
      `info: model-router ${callRecord(value)?.id} ok route=standard deployment=b requested=standard served=b-2024 ` +
        'attempts=2 [a:server-error b:success] 140ms tokens=1000+100 cost=$0.002000',
    ]);
  });

  it("reports a failed call, without its prompt or the upstream's text", async () => {
    const { lines, options } = logging();
    const { router } = build({ a: fail(400, { code: 'bad_thing', message: 'Secret text.' }) }, options);
    const error = await errorOf(sendChat(router, 'a'));
    expect(lines).toEqual([
      `info: model-router ${callRecord(error)?.id} failed error=bad_thing route=- deployment=a requested=a served=- ` +
        'attempts=1 [a:caller-error] 0ms tokens=-+- cost=$0.000000',
    ]);
    expect(lines.join()).not.toMatch(/Secret|Say hello|sk-key/);
  });

  it('reports an unknown cost as unknown, never as 0', async () => {
    const { lines, options } = logging();
    const { router } = build({ a: answer() }, options);
    await sendChat(router);
    expect(lines[0]).toMatch(/ cost=unknown$/);
  });

  it('has a line for a slow attempt, and for a stream when it has ended', async () => {
    const { lines, options } = logging();
    const { router } = build({ a: answer({ latencyMs: 600, chunkMs: 100, chunks: ['a', 'b'] }) }, options);
    const stream = await settled(streamChat(router));
    expect(lines).toEqual([expect.stringMatching(/^warn: model-router a: 1 attempt slower than 500 ms .* 600 ms$/)]);
    await settled(read(stream.value ?? (await streamChat(router))));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(' 700ms ');
  });

  it.each<[LogLevel, number]>([
    ['debug', 1],
    ['info', 1],
    ['warn', 0],
    ['error', 0],
    ['off', 0],
  ])('at %s has %i lines', async (level, count) => {
    const { lines, options } = logging(level);
    const { router } = build({ a: answer() }, options);
    await sendChat(router);
    expect(lines.filter((line) => line.startsWith('info: model-router '))).toHaveLength(count);
  });

  it('writes nothing by default', async () => {
    const { lines, options } = logging();
    const { router } = build({ a: answer() }, { logger: options.logger });
    await sendChat(router);
    expect(lines).toEqual([]);
  });

  it('of a view is its own', async () => {
    const [own, other] = [logging(), logging()];
    const { router } = build({ a: answer() }, own.options);
    await sendChat(router.withOptions(other.options));
    expect([own.lines.length, other.lines.length]).toEqual([0, 1]);
  });

  it('continues after the logger throws', async () => {
    const thrower = () => {
      throw new Error('the logger’s fault');
    };
    const logger: Logger = { error: thrower, warn: thrower, info: thrower, debug: thrower };
    const { router } = build({ a: hang(), b: answer() }, { logger, logLevel: 'info', attemptTimeoutMs: 1000 });
    const call = watch(sendChat(router));
    await pass(1000);
    expect(call.state).toBe('fulfilled');
  });
});
