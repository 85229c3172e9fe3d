import { APIError } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { ModelRouter } from '../../../src/index.js';
import { Events } from '../../../src/telemetry/events.js';

const messages = [{ role: 'user' as const, content: 'Hello.' }];

const reasons = new Set<unknown>();

/** A fetch that does not answer until its signal aborts it. */
const hanging: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    const { signal } = init ?? {};
    signal?.addEventListener('abort', () => {
      reasons.add(signal.reason);
      reject(new DOMException('Aborted', 'AbortError'));
    });
  });

const routerOf = () =>
  new ModelRouter({
    clients: { default: { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1', fetch: hanging } },
    deployments: { a: { model: 'm', price: { input: 1, output: 1 } } },
    routes: { all: ['a'] },
  });

describe('calls under one signal', () => {
  it.each([false, true])('share its listeners, however many calls there are (stream: %s)', async (stream) => {
    const router = routerOf();
    const emit = vi.spyOn(Events.prototype, 'emit');
    const controller = new AbortController();
    const add = vi.spyOn(controller.signal, 'addEventListener');
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    const { signal } = controller;
    const parse = vi.spyOn(JSON, 'parse');
    // The SDK writes the message of each of its errors with this.
    const made = vi.spyOn(APIError as unknown as { makeMessage: () => string }, 'makeMessage');
    reasons.clear();
    const ended = Array.from({ length: 300 }, () =>
      router.chat.completions.create({ model: 'all', messages, stream }, { signal }).catch((error: unknown) => error),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(router.snapshot().deployments.a?.inFlight).toBe(300);
    controller.abort(new Error('enough'));
    const errors = await Promise.all(ended);
    expect(new Set(errors).size).toBe(300);
    expect(errors.every((error) => error instanceof Error && error.cause === signal.reason)).toBe(true);
    expect(add.mock.calls.length).toBeLessThan(4);
    expect(remove.mock.calls.length).toBeLessThan(4);
    // The router has no listeners, and no server has answered.
    expect(emit.mock.calls.length).toBe(0);
    expect(parse.mock.calls.length).toBe(0);
    // One reason for all requests, including its stack.
    expect(reasons.size).toBe(1);
    // The errors of the callers, and none that nobody sees.
    expect(made.mock.calls.length).toBe(300);
    vi.restoreAllMocks();
    await router.close();
  });
});
