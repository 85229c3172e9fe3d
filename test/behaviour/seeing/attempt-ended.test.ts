import { callRecord, type EventOf, type ModelRouter } from 'model-router';
import { answer, cut, fail, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { errorOf, read, sendChat, sendChatWith, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

function endings(router: ModelRouter): EventOf<'attempt-ended'>[] {
  const received: EventOf<'attempt-ended'>[] = [];
  router.on('attempt-ended', (event) => received.push(event));
  return received;
}

describe('attempt-ended', () => {
  it('comes once for each attempt, failed or not, with its record', async () => {
    const { router } = build({
      a: fail(503, { headers: { 'x-request-id': 'req-a' } }),
      b: answer({ headers: { 'x-request-id': 'req-b' } }),
    });
    const received = endings(router);
    const record = callRecord(await sendChat(router));
    expect(received).toEqual(
      record?.attempts.map((attempt) => ({ type: 'attempt-ended', callId: record.id, attempt })),
    );
    expect(received.map(({ attempt }) => [attempt.outcome, attempt.requestId])).toEqual([
      ['server-error', 'req-a'],
      ['success', 'req-b'],
    ]);
  });

  it('follows attempt-failed, and holds the same record', async () => {
    const { router } = build({ a: fail(400) });
    const received: unknown[] = [];
    router.on('attempt-failed', ({ type, attempt }) => received.push([type, attempt]));
    router.on('attempt-ended', ({ type, attempt }) => received.push([type, attempt]));
    const attempt = callRecord(await errorOf(sendChat(router, 'a')))?.attempts[0];
    expect(received).toEqual([
      ['attempt-failed', attempt],
      ['attempt-ended', attempt],
    ]);
  });

  it('comes when a stream has ended, interrupted or not', async () => {
    const { router } = build({ a: [answer(), cut()] });
    const received = endings(router);
    const stream = await streamChat(router);
    expect(received).toEqual([]);
    await read(stream);
    await read(await streamChat(router));
    expect(received.map(({ attempt }) => attempt.outcome)).toEqual(['success', 'interrupted']);
  });

  it('comes for the attempt of a hedged call that lost too', async () => {
    const { router } = build({ a: answer({ latencyMs: 1000 }), b: answer({ latencyMs: 10 }) });
    const received = endings(router);
    await settled(sendChatWith(router, { hedgeAfterMs: 100 }));
    await pass(2000);
    expect(received.map(({ attempt }) => [attempt.deployment, attempt.outcome]).sort()).toEqual([
      ['a', 'lost'],
      ['b', 'success'],
    ]);
  });

  it('comes when the caller aborts', async () => {
    const { router } = build({ a: hang() });
    const received = endings(router);
    const controller = new AbortController();
    const call = watch(sendChat(router, 'a', { signal: controller.signal }));
    await pass(10);
    controller.abort();
    await pass(10);
    expect(call.state).toBe('rejected');
    expect(received.map(({ attempt }) => attempt.outcome)).toEqual(['aborted']);
  });
});

describe('client-resumed', () => {
  it('comes once, with the first answer after the suspension', async () => {
    const { router } = build(
      { a: [fail(401), answer(), answer()], b: answer() },
      {
        clients: ['default', 'other'],
        deployments: { a: { client: 'default' }, b: { client: 'other' } },
        routes: { standard: ['a', 'b'] },
      },
    );
    const received: unknown[] = [];
    router.on('client-suspended', ({ type, client }) => received.push([type, client]));
    router.on('client-resumed', (event) => received.push(event));
    await sendChat(router);
    await pass(59_999);
    await sendChat(router);
    expect(received).toEqual([['client-suspended', 'default']]);
    await pass(1);
    await sendChat(router);
    await sendChat(router);
    expect(received.slice(1)).toEqual([{ type: 'client-resumed', client: 'default' }]);
  });
});
