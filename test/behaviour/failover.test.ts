import { callRecord, type Outcome } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  empty,
  fail,
  hang,
  html,
  malformed,
  reset,
  resetMidBody,
  truncated,
} from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, sendChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

useFakeTime();

interface Row {
  readonly what: string;
  readonly does: Behaviour;
  readonly settings?: Setup;
  readonly outcome: Outcome;
  readonly breaker: 'success' | 'failure' | 'neutral';
  /** The number of requests to a single deployment, of three attempts. */
  readonly alone: number;
  /** Whether another deployment gets a request. */
  readonly next: boolean;
}

const callers = { breaker: 'success', alone: 1, next: false } as const;
const refused = { breaker: 'neutral', alone: 1, next: true } as const;
const failed = { breaker: 'failure', alone: 3, next: true } as const;

const rows: Row[] = [
  ...[400, 413, 422].map(
    (status): Row => ({
      ...{ what: `${status}`, does: fail(status), outcome: 'caller-error' },
      ...callers,
    }),
  ),
  {
    what: '404 of a stored object',
    does: fail(404, { message: "No such File object: 'file-1'." }),
    outcome: 'caller-error',
    ...callers,
  },
  {
    what: 'context length',
    does: fail(400, { code: 'context_length_exceeded' }),
    outcome: 'context-length',
    ...callers,
    // Neither deployment declares its window.
    next: true,
  },
  { what: 'content filter', does: fail(400, { code: 'content_filter' }), outcome: 'content-filter', ...callers },
  { what: '401', does: fail(401), outcome: 'unauthorized', ...refused },
  {
    what: 'insufficient_quota',
    does: fail(429, { code: 'insufficient_quota' }),
    outcome: 'unauthorized',
    ...refused,
  },
  { what: '402', does: fail(402, { type: 'payment_required', code: null }), outcome: 'forbidden', ...refused },
  ...[403, 405, 407, 418, 451].map(
    (status): Row => ({ what: `${status}`, does: fail(status), outcome: 'forbidden', ...refused }),
  ),
  { what: '404 of a model', does: fail(404, { code: 'model_not_found' }), outcome: 'model-not-found', ...refused },
  ...[408, 409, 421, 423, 424, 425, 499, 500, 502, 503, 504, 529].map(
    (status): Row => ({
      ...{ what: `${status}`, does: fail(status), outcome: 'server-error' },
      ...failed,
    }),
  ),
  { what: '429', does: fail(429), outcome: 'rate-limited', breaker: 'neutral', alone: 3, next: true },
  { what: 'a reset connection', does: reset(), outcome: 'connection', ...failed },
  { what: 'a body that is cut off', does: cut(), outcome: 'connection', ...failed },
  { what: 'a body that is reset', does: resetMidBody(), outcome: 'connection', ...failed },
  { what: 'nothing', does: empty(), outcome: 'invalid-answer', ...failed },
  { what: 'a web page', does: html(), outcome: 'invalid-answer', ...failed },
  { what: 'half of a JSON text', does: truncated(), outcome: 'invalid-answer', ...failed },
  { what: 'broken JSON', does: malformed(), outcome: 'invalid-answer', ...failed },
  {
    what: 'an attempt that had its time',
    does: hang(),
    settings: { attemptTimeoutMs: 1000 },
    ...{ outcome: 'timeout', breaker: 'failure', alone: 3, next: true },
  },
  {
    what: 'an attempt that had too little time to be blamed',
    does: hang(),
    settings: { attemptTimeoutMs: 999 },
    ...{ outcome: 'timeout', breaker: 'neutral', alone: 3, next: true },
  },
];

describe('each outcome', () => {
  it.each(rows)('$what: breaker $breaker', async ({ does, settings, outcome, breaker }) => {
    // After one failure: a success makes them fewer than all, a failure opens, a neutral outcome leaves it to the next.
    const { router } = build(
      { a: [fail(500), does, fail(500)] },
      {
        maxAttempts: 1,
        breaker: { failures: 2, minRate: 1, consecutive: 1000 },
        clients: ['default', 'other'],
        ...settings,
      },
    );
    const state = () => router.snapshot().deployments.a?.state;
    await settled(sendChat(router, 'a'));
    const { error } = await settled(sendChat(router, 'a'));
    expect(callRecord(error)?.attempts).toMatchObject([{ outcome }]);
    const afterIt = state();
    await settled(sendChat(router, 'a'));
    expect([afterIt, state()]).toEqual(
      { success: ['closed', 'closed'], neutral: ['closed', 'open'], failure: ['open', 'open'] }[breaker],
    );
  });

  it.each(rows)('$what: $alone attempts on a single deployment', async ({ does, settings, alone, outcome }) => {
    const { router, fake } = build({ a: does }, { retry: { budget: 1 }, ...settings });
    const { error } = await settled(sendChat(router));
    expect(fake.count).toBe(alone);
    expect(callRecord(error)?.attempts.map((attempt) => attempt.outcome)).toEqual(Array(alone).fill(outcome));
  });

  it.each(rows)('$what: another deployment is tried at once: $next', async ({ does, settings, next }) => {
    const { router, calledModels } = build(
      { a: does, b: answer() },
      {
        clients: ['default', 'other'],
        deployments: { a: {}, b: { client: 'other' } },
        ...settings,
        routes: { standard: ['a', 'b'] },
      },
    );
    const call = await settled(sendChat(router));
    expect(calledModels()).toEqual(next ? ['a', 'b'] : ['a']);
    expect(call.state).toBe(next ? 'fulfilled' : 'rejected');
    expect(call.at).toBe(settings?.attemptTimeoutMs ?? 0);
  });
});

describe('a valid answer', () => {
  it('is a success for the breaker', async () => {
    const breaker = { failures: 2, minRate: 1 };
    const { router } = build({ a: [fail(500), answer(), fail(500)] }, { maxAttempts: 1, breaker });
    for (let i = 0; i < 3; i += 1) await settled(sendChat(router));
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed', requests: 3, failures: 2 });
  });

  it('ends the call without failover', async () => {
    const { router, calledModels } = build({ a: answer(), b: answer() });
    await sendChat(router);
    expect(calledModels()).toEqual(['a']);
  });
});

describe('a context that is too long', () => {
  const deployments = { a: { contextWindow: 8000 }, same: { contextWindow: 8000 }, large: { contextWindow: 32_000 } };
  const models = {
    a: fail(400, { code: 'context_length_exceeded' }),
    same: answer(),
    unknown: answer(),
    large: answer(),
  };

  it('fails over only to a larger window', async () => {
    const { router, calledModels } = build(models, {
      deployments: { ...deployments, unknown: {} },
      routes: { standard: ['a', 'same', 'unknown', 'large'] },
    });
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'large']);
  });

  it('does not fail over where no window is larger', async () => {
    const { router, calledModels } = build(models, { deployments, routes: { standard: ['a', 'same'] } });
    expect(await errorOf(sendChat(router))).toMatchObject({ status: 400, code: 'context_length_exceeded' });
    expect(calledModels()).toEqual(['a']);
  });

  it('does not fail over where its own window is unknown', async () => {
    const { router, calledModels } = build(models, {
      deployments: { ...deployments, a: {} },
      routes: { standard: ['a', 'large'] },
    });
    await errorOf(sendChat(router));
    expect(calledModels()).toEqual(['a']);
  });
});

describe('the end of a call', () => {
  it('by a timeout counts against the deployment, and does not fail over', async () => {
    const { router, calledModels } = build(
      { a: hang(), b: answer() },
      { deadlineMs: 1000, maxAttempts: 1, breaker: { consecutive: 1 } },
    );
    const call = await settled(sendChat(router));
    expect(call).toMatchObject({ error: { code: 'deadline_exceeded' }, at: 1000 });
    expect(callRecord(call.error)?.attempts).toMatchObject([{ outcome: 'deadline' }]);
    expect(calledModels()).toEqual(['a']);
    expect(router.snapshot().deployments.a?.state).toBe('open');
  });

  it('by a deadline too short to blame a deployment counts against none', async () => {
    const { router } = build({ a: hang() }, { deadlineMs: 999, breaker: { consecutive: 1 } });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.state).toBe('closed');
  });

  it('by an abort counts against no deployment, and comes at once', async () => {
    const { router, fake, calledModels } = build({ a: hang(), b: answer() }, { breaker: { consecutive: 1 } });
    const controller = new AbortController();
    const call = watch(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(5000);
    expect(call.state).toBe('pending');
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ state: 'rejected', at: 5000, error: { message: 'Request was aborted.' } });
    expect(callRecord(call.error)?.attempts).toMatchObject([{ outcome: 'aborted' }]);
    expect(fake.requests).toMatchObject([{ outcome: 'aborted' }]);
    expect(calledModels()).toEqual(['a']);
    expect(router.snapshot().deployments.a?.state).toBe('closed');
  });
});

describe('x-should-retry: false', () => {
  const does = fail(500, { headers: { 'x-should-retry': 'false' } });

  it('forbids a retry on the same deployment', async () => {
    const { router, fake } = build({ a: does });
    await errorOf(sendChat(router));
    expect(fake.count).toBe(1);
  });

  it('allows another deployment', async () => {
    const { router, calledModels } = build({ a: does, b: answer() });
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b']);
  });
});
