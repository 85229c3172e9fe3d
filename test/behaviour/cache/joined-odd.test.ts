import { ModelRouter } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';
import { OpenAI } from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SharedCalls } from '../../../src/call/cache/shared-calls.js';
import { pass, useFakeTime, watch } from '../../helpers/clock.js';
import { sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const unhandled: unknown[] = [];
const hear = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', hear));
afterEach(() => {
  process.off('unhandledRejection', hear);
  unhandled.length = 0;
  vi.restoreAllMocks();
});

/** An application's own client that throws this error. */
function clientThatThrows(error: Error): OpenAI {
  class Own extends OpenAI {
    protected override async prepareOptions(): Promise<void> {
      await new Promise((resolve) => setTimeout(resolve, 10));
      throw error;
    }
  }
  return new Own({ apiKey: 'k', baseURL: 'https://own.test/v1', fetch: fakeFetch(answer()) });
}

describe('joined calls with unusual errors', () => {
  it('reject for each caller with its own error, where the error is frozen', async () => {
    const error = Object.freeze(Object.assign(new Error('no token'), { headers: new Headers({ a: '1' }) }));
    await using router = new ModelRouter({
      clients: { default: clientThatThrows(error) },
      deployments: { a: {} },
      routes: { standard: ['a'] },
      cache: true,
    });
    const calls = [watch(sendChat(router)), watch(sendChat(router))];
    await pass(100);
    expect(calls).toMatchObject([
      { state: 'rejected', error: { message: 'no token' } },
      { state: 'rejected', error: { message: 'no token' } },
    ]);
    expect(calls[0]?.error).not.toBe(calls[1]?.error);
  });

  it.each([
    ['cannot be copied', () => ({ get: () => 5 })],
    [
      'throws when it is read',
      () => ({
        get: () => {
          throw new RangeError('not to be read');
        },
      }),
    ],
  ])('reject for each caller where a property of the error %s', async (_, property) => {
    const error = Object.defineProperty(new Error('odd'), 'headers', property());
    await using router = new ModelRouter({
      clients: { default: clientThatThrows(error) },
      deployments: { a: {} },
      routes: { standard: ['a'] },
      cache: true,
    });
    const calls = [watch(sendChat(router)), watch(sendChat(router)), watch(sendChat(router))];
    await pass(100);
    expect(calls.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(unhandled).toEqual([]);
  });

  it('leave no rejection unhandled, and nothing to join, if `signal` is not a signal', async () => {
    const add = vi.spyOn(SharedCalls.prototype, 'add');
    const { router } = build({ a: fail(400, { latencyMs: 10 }) }, { cache: true });
    const call = watch(sendChat(router, 'standard', { signal: { aborted: false } as AbortSignal }));
    await pass(100);
    expect(call.state).toBe('rejected');
    expect(unhandled).toEqual([]);
    expect(add).not.toHaveBeenCalled();
  });
});
