import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { attemptTimeout } from '../../../src/attempt/timeout.js';
import { AttemptFailed } from '../../../src/errors.js';
import { AttemptControl } from '../../../src/state/attempt-control.js';
import type { Attempt, Failure, Reply } from '../../../src/types.js';
import { pass, useFakeTime, watch } from '../../helpers/clock.js';

useFakeTime();

interface Given {
  readonly timeoutMs?: number;
  readonly untilDeadline?: boolean;
  readonly stream?: boolean;
  readonly firstChunkTimeoutMs?: number;
  readonly isShared?: boolean;
  readonly deadline?: number;
  readonly signal?: AbortSignal;
  readonly p95Ms?: number;
  /** The p95 of each other deployment of the call. */
  readonly others?: readonly (number | undefined)[];
  readonly breaker?: 'closed' | 'halfOpen';
}

/** The parts of an attempt that this layer uses. */
function attemptOf(given: Given = {}): Attempt {
  const { timeoutMs = 500, untilDeadline = false, stream = false, isShared = false, deadline = timeoutMs } = given;
  const target = (p95Ms: number | undefined, state?: string) => ({
    state: { p95Ms: () => p95Ms, breaker: state && { state } },
  });
  const own = target(given.p95Ms, given.breaker);
  return {
    call: {
      stream,
      isShared,
      deadline,
      signal: given.signal,
      settings: { firstChunkTimeoutMs: given.firstChunkTimeoutMs },
      targets: [own, ...(given.others ?? []).map((p95Ms) => target(p95Ms))],
    },
    target: own,
    control: new AttemptControl({ timeoutMs, untilDeadline }),
    startedAt: 0,
  } as unknown as Attempt;
}

/** Ends the request of an attempt on the wire. */
function opened({ control }: Attempt) {
  const close = vi.fn();
  control.opened(close);
  return close;
}

const never = () => new Promise<Reply>(() => {});

/** Runs it over an upstream, by default one that never answers. */
function run(attempt: Attempt, next: () => Promise<Reply> = never) {
  return watch(attemptTimeout(() => 0.25)(next)(attempt));
}

async function failureOf(given: Given): Promise<Failure> {
  const call = run(attemptOf(given));
  await pass(60_000);
  if (call.error instanceof AttemptFailed) return call.error.failure;
  throw new TypeError('It has not failed');
}

describe('an attempt', () => {
  it('ends at its timeout, and ends its request upstream', async () => {
    const attempt = attemptOf();
    const close = opened(attempt);
    const call = run(attempt);
    await pass(499);
    expect([call.state, attempt.control.isOver]).toEqual(['pending', false]);
    await pass(1);
    expect(call).toMatchObject({
      state: 'rejected',
      error: { failure: { outcome: 'timeout', jitter: 0.25, endedAt: 500 } },
    });
    expect(attempt.control.isOver).toBe(true);
    expect(close).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with its call where it had all the time left, but not at the limit for a first chunk', async () => {
    expect((await failureOf({ untilDeadline: true })).outcome).toBe('deadline');
    expect((await failureOf({ untilDeadline: true, stream: true, firstChunkTimeoutMs: 500 })).outcome).toBe('deadline');
    expect(await failureOf({ untilDeadline: true, stream: true, firstChunkTimeoutMs: 499 })).toMatchObject({
      outcome: 'timeout',
    });
  });

  it('leaves no timer and no listener, however it ends', async () => {
    const { signal } = new AbortController();
    const ends = [() => Promise.resolve({} as Reply), () => Promise.reject(new Error('no'))];
    for (const next of ends) {
      const call = run(attemptOf({ signal }), next);
      expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([1, 1]);
      await pass(0);
      expect(call.state).not.toBe('pending');
      expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
    }
  });

  it('ends when its caller aborts, and sends nothing after an abort', async () => {
    const controller = new AbortController();
    const next = vi.fn(never);
    const attempt = attemptOf({ signal: controller.signal });
    const close = opened(attempt);
    const call = run(attempt, next);
    controller.abort('gone');
    await pass(0);
    expect(call.error).toMatchObject({ failure: { outcome: 'aborted' } });
    expect(close).toHaveBeenCalledOnce();
    const late = run(attemptOf({ signal: controller.signal }), next);
    await pass(0);
    expect(late.error).toMatchObject({ failure: { outcome: 'aborted' } });
    expect(next).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an answer that comes too late', () => {
  const lateReply = (chunks: object | undefined) => async () => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    return { chunks } as unknown as Reply;
  };

  it('is discarded: its stream is closed, even one that cannot be closed', async () => {
    const close = vi.fn(() => Promise.reject(new Error('already')));
    for (const chunks of [{ return: close }, {}, undefined]) {
      const call = run(attemptOf(), lateReply(chunks));
      await pass(700);
      expect(call).toMatchObject({ state: 'rejected', settlements: 1 });
    }
    expect(close).toHaveBeenCalledOnce();
  });
});

describe('a timeout counts against the deployment', () => {
  it.each<[string, Given, Failure['breaker']]>([
    ['if it had a second, without any statistics', { timeoutMs: 1000 }, 'failure'],
    ['not if it had less', { timeoutMs: 999, others: [undefined] }, 'neutral'],
    ['if it had its p95', { timeoutMs: 500, p95Ms: 500, others: [5000] }, 'failure'],
    ['not if it had less than its p95', { timeoutMs: 499, p95Ms: 500, others: [100] }, 'neutral'],
    ['if it had the slowest known p95', { timeoutMs: 500, others: [100, 500] }, 'failure'],
    ['not if it had less than the slowest known p95', { timeoutMs: 499, others: [100, 500, undefined] }, 'neutral'],
    ['if it was a probe, whatever its time', { timeoutMs: 10, breaker: 'halfOpen' }, 'failure'],
    ['not if its breaker was closed', { timeoutMs: 10, breaker: 'closed' }, 'neutral'],
  ])('%s', async (_, given, breaker) => {
    expect((await failureOf(given)).breaker).toBe(breaker);
  });
});

describe('a shared attempt whose deadline was extended', () => {
  const shared = { isShared: true, untilDeadline: true, deadline: 800 } as const;

  it('continues until then', async () => {
    const call = run(attemptOf(shared));
    await pass(799);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call.state).toBe('rejected');
  });

  it.each<[string, Given]>([
    ['that is not shared', { ...shared, isShared: false }],
    ['that had less than all the time left', { ...shared, untilDeadline: false }],
    [
      'that ends at the limit for the first chunk',
      { ...shared, stream: true, timeoutMs: 600, firstChunkTimeoutMs: 500 },
    ],
  ])('but not one %s', async (_, given) => {
    const call = run(attemptOf(given));
    await pass(499);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call.state).toBe('rejected');
  });
});
