import { ModelRouter } from 'model-router';
import { describe, expect, it, vi } from 'vitest';
import { errorOf, messages } from '../../helpers/messages.js';

const KEY = 'sk-quoted-0123456789';

/** A router whose first `failing` requests get a 503 that quotes the key in a header; and how often that was read. */
function routerFailing(failing: number) {
  let requests = 0;
  const read = { headers: 0 };
  const fetch = async () => {
    requests += 1;
    if (requests > failing)
      return Response.json({ choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' } }] });
    const response = Response.json({ error: { message: 'Overloaded.' } }, { status: 503, headers: { 'x-echo': KEY } });
    const rows = response.headers[Symbol.iterator].bind(response.headers);
    Object.defineProperty(response.headers, Symbol.iterator, {
      value: () => {
        read.headers += 1;
        return rows();
      },
    });
    return response;
  };
  const options = { apiKey: KEY, baseURL: 'http://one.test/v1', logLevel: 'off' as const, fetch };
  const router = new ModelRouter({
    clients: { default: options },
    deployments: { a: { client: 'default', model: 'm' }, b: { client: 'default', model: 'm' } },
    routes: { r: ['a', 'b'] },
    maxAttempts: 2,
  });
  return { read, call: () => router.chat.completions.create({ model: 'r', messages }) };
}

// The SDK itself reads the headers of each error answer once.
describe('a failed attempt', () => {
  it('costs no stack and no look through its headers where another one answers', async () => {
    const captured = vi.spyOn(Error, 'captureStackTrace');
    const { read, call } = routerFailing(1);
    await call();
    expect({ ...read, stacks: captured.mock.calls.length }).toEqual({ headers: 1, stacks: 0 });
    captured.mockRestore();
  });

  it('costs one of each where the caller gets its error, and reads it', async () => {
    const captured = vi.spyOn(Error, 'captureStackTrace');
    const { read, call } = routerFailing(2);
    const error = await errorOf(call());
    expect({ ...read, stacks: captured.mock.calls.length }).toEqual({ headers: 2, stacks: 1 });
    captured.mockRestore();
    const { headers } = error as Error & { headers: Headers };
    expect(read.headers).toBe(3);
    expect(headers.get('x-echo')).toBe('***');
  });
});
