import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { closable } from '../../../src/sdk/closable-fetch.js';
import { OpenAIUpstream } from '../../../src/sdk/upstream.js';

/** One JSON request that can be ended from outside, and its signal. */
async function sent(body: string): Promise<{ signal: AbortSignal | undefined; isOpen: boolean; failed: boolean }> {
  let signal: AbortSignal | undefined;
  const fetch = closable(async (_, init) => {
    signal = init?.signal ?? undefined;
    return new Response(body, { headers: { 'content-type': 'application/json' } });
  });
  const client = new OpenAI({ apiKey: 'k', baseURL: 'https://one.test/v1', fetch, logLevel: 'off' });
  const upstream = new OpenAIUpstream(
    'one',
    client,
    Object.assign(<T>(error: T) => error, { text: (text: string) => text, note: () => {} }),
  );
  let isOpen = false;
  const answer = upstream.send({
    source: { method: 'post', path: '/chat/completions', body: { model: 'm', messages: [] } },
    model: 'm',
    headers: undefined,
    additions: [],
    adapt: undefined,
    timeoutMs: 1000,
    signal: null,
    onOpen: () => {
      isOpen = true;
    },
    onResend: () => {},
    isOver: () => false,
    wantsRaw: () => false,
  });
  const failed = await answer.then(
    () => false,
    () => true,
  );
  return { signal, isOpen, failed };
}

describe('a request that may be ended from outside', () => {
  it('is not touched once its answer is there', async () => {
    expect(await sent('{"choices":[]}')).toMatchObject({ failed: false, isOpen: true, signal: { aborted: false } });
  });

  it('is ended when the SDK gives up on its body', async () => {
    expect(await sent('{"choices":[')).toMatchObject({ failed: true, isOpen: true, signal: { aborted: true } });
  });
});
