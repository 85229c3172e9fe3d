import { getEventListeners } from 'node:events';
import { callRecord, ModelRouter, StreamInterruptedError } from 'model-router';
import { bytes, fakeFetch, startFakeProvider } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { FALLBACK_TEXT, saidByFallback } from '../helpers/faults.js';
import { openInTheEnd } from '../helpers/leftovers.js';
import { messages, read } from '../helpers/messages.js';
import { recordedStream, recordedText, saidIn } from '../helpers/recorded-stream.js';

type End = 'close' | 'reset' | 'end';

const cutAfter = (cutAt: number, ending: End) =>
  bytes({ headers: { 'content-type': 'text/event-stream' }, chunks: [recordedStream], cutAt, ending });

const settings = {
  deployments: { first: { client: 'primary', model: 'm' }, second: { client: 'fallback', model: 'm' } },
  routes: { standard: ['first', 'second'] },
  attemptTimeoutMs: 1000,
  // Each cut is a failure of the primary, whose breaker would soon open.
  breaker: false,
} as const;

/** One call, its end, and what holds for any byte. */
async function readCut(router: OpenAI, cutAt: number) {
  const { signal } = new AbortController();
  const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true }, { signal });
  const { text, error, chunks } = await read(stream);
  const where = `cut at byte ${cutAt}`;
  expect(getEventListeners(signal, 'abort'), where).toEqual([]);
  const outcomes = callRecord(stream)?.attempts.map(({ outcome }) => outcome) ?? [];
  if (error !== undefined) {
    expect(error, where).toBeInstanceOf(StreamInterruptedError);
    if (error instanceof StreamInterruptedError) {
      expect(error.partial, where).toEqual(chunks);
      expect(error.text, where).toBe(text);
    }
    expect(outcomes, where).toEqual(['interrupted']);
  }
  return { text, error, outcomes, where };
}

describe('a stream that is cut', () => {
  const primary = fakeFetch(cutAfter(0, 'close'), { keep: 0 });
  const fallback = fakeFetch(saidByFallback, { keep: 0 });
  const router = new ModelRouter({
    ...settings,
    clients: {
      primary: { apiKey: 'sk-primary', baseURL: 'http://primary.test/v1', fetch: primary, logLevel: 'off' },
      fallback: { apiKey: 'sk-fallback', baseURL: 'http://fallback.test/v1', fetch: fallback, logLevel: 'off' },
    },
  });
  afterAll(() => router.close());

  /**
   * At a clean end, newer versions of the SDK accept a whole line as an event, even without the empty line after it.
   */
  async function mayBeMissing(): Promise<number> {
    let firstEnd = 0;
    while (saidIn(firstEnd).text === '') firstEnd += 1;
    primary.set('m', cutAfter(firstEnd - 2, 'end'));
    const { text } = await readCut(router, firstEnd - 2);
    return text === FALLBACK_TEXT ? 0 : 2;
  }

  it.each<End>(['close', 'reset', 'end'])(
    'at any byte (%s) fails over, is interrupted, or is whole',
    async (ending) => {
      const seen = { failedOver: 0, interrupted: 0, whole: 0 };
      const missing = ending === 'end' ? await mayBeMissing() : 0;
      for (let cutAt = 0; cutAt <= recordedStream.length; cutAt += 1) {
        primary.clear();
        fallback.clear();
        primary.set('m', cutAfter(cutAt, ending));
        const said = saidIn(cutAt + missing);
        const { text, error, outcomes, where } = await readCut(router, cutAt);
        if (said.text === '' && !said.finished) {
          seen.failedOver += 1;
          expect(text, where).toBe(FALLBACK_TEXT);
          expect(outcomes, where).toEqual([ending === 'end' ? 'invalid-answer' : 'connection', 'success']);
        } else if (said.finished) {
          seen.whole += 1;
          expect(text, where).toBe(recordedText);
          expect(outcomes, where).toEqual(['success']);
        } else {
          seen.interrupted += 1;
          expect(text, where).toBe(said.text);
          expect(error, where).toHaveProperty(
            'reason',
            ending === 'end' ? expect.stringMatching(/missing-end|malformed/) : 'cut',
          );
        }
        expect(primary.count + fallback.count, where).toBe(outcomes.length);
        expect(primary.open + fallback.open, where).toBe(0);
      }
      expect(Object.values(seen).every((times) => times > 10)).toBe(true);
    },
  );

  it('on real sockets delivers its beginning, or the whole answer of the fallback', async () => {
    await using primary = await startFakeProvider({ models: ['m'] });
    await using fallback = await startFakeProvider({ models: { m: saidByFallback } });
    const router = new ModelRouter({
      ...settings,
      clients: {
        primary: { apiKey: 'sk-primary', baseURL: primary.url, logLevel: 'off' },
        fallback: { apiKey: 'sk-fallback', baseURL: fallback.url, logLevel: 'off' },
      },
    });
    for (let cutAt = 0; cutAt <= recordedStream.length; cutAt += 37) {
      primary.set('m', cutAfter(cutAt, cutAt % 2 === 0 ? 'close' : 'reset'));
      const { text, error, where } = await readCut(router, cutAt);
      // A reset discards unread data in the socket's buffer: less may come than was sent, never more.
      if (error !== undefined) expect(saidIn(cutAt).text.startsWith(text), where).toBe(true);
      else expect(text, where).toBe(saidIn(cutAt).finished ? recordedText : FALLBACK_TEXT);
    }
    await router.close();
    expect(await openInTheEnd(primary, fallback)).toBe(0);
  });
});
