import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../src/index.js';
import * as kit from '../../../src/testing/index.js';

/** As plain JavaScript calls it: without types. */
const js = kit as unknown as Record<string, (...args: unknown[]) => unknown>;

function errorOf(name: string, ...args: unknown[]): string {
  try {
    js[name]?.(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return (error as Error).message;
  }
  return 'accepted';
}

describe('a wrong option of a behaviour', () => {
  it.each([
    ['answer', [{ contents: 'x' }], 'answer.contents: there is no such option; did you mean `content`?'],
    ['answer', [5], 'answer: 5 is not allowed; give an object.'],
    ['answer', [null], 'answer: null is not allowed; give an object.'],
    ['answer', [{ content: 5 }], 'answer.content: 5 is not allowed; give a text, or a function'],
    ['answer', [{ latencyMs: '50' }], 'answer.latencyMs: "50" is not allowed; give milliseconds of at least 0'],
    ['answer', [{ chunks: 'abc' }], 'answer.chunks: "abc" is not allowed; give a number of at least 0.'],
    ['answer', [{ usage: { prompt_tokens: 5 } }], 'answer.usage.prompt_tokens: there is no such option; known are'],
    [
      'answer',
      [{ usage: true }],
      'answer.usage: true is not allowed; give an object such as { inputTokens }, or false.',
    ],
    ['answer', [{ toolCalls: {} }], 'answer.toolCalls: an empty object is not allowed; give an array'],
    ['answer', [{ toolCalls: [{ function: 'f' }] }], 'answer.toolCalls[0].function: there is no such option'],
    ['answer', [{ toolCalls: [{}] }], 'answer.toolCalls[0].name: undefined is not allowed'],
    ['fail', ['503'], 'fail.status: "503" is not allowed; give an HTTP status from 200 to 599.'],
    ['fail', [], 'fail.status: undefined is not allowed'],
    ['fail', [5030], 'fail.status: 5030 is not allowed'],
    ['fail', [429, { retryAfterMs: 5 }], 'fail.retryAfterMs: there is no such option; there are'],
    ['fail', [429, { headers: 'retry-after: 1' }], 'fail.headers: a string of 14 characters is not allowed'],
    ['hang', [{ content: 'x' }], 'hang.content: there is no such option; known are'],
    ['cut', [{ afterChunk: 1 }], 'cut.afterChunk: there is no such option; did you mean `afterChunks`?'],
    ['stall', [{ forMs: 5 }], 'stall.forMs: there is no such option; there are afterChunks, ms,'],
    ['slowDrip', [{ intervalMs: 5 }], 'slowDrip.intervalMs: there is no such option; there are'],
    ['errorEvent', [{ error: { messages: 'x' } }], 'errorEvent.error.messages: there is no such option; did you mean'],
    ['bytes', [{ chunks: [], code: 200 }], 'bytes.code: there is no such option'],
    ['html', [{ status: '200' }], 'html.status: "200" is not allowed'],
  ])('%s%j is an error that names it', (name, args, message) => {
    expect(errorOf(name, ...args)).toContain(message);
  });

  it('is not one that is undefined, nor the type of an answer that is an option', () => {
    expect(errorOf('answer', { content: 'x', latencyMs: undefined })).toBe('accepted');
    expect(kit.cut(kit.answer('x'))).toEqual({ type: 'break-off', content: 'x', at: { chunks: 1 }, ending: 'close' });
  });
});

describe('a wrong option of a fake', () => {
  it.each([
    [[{ model: {} }], 'fakeFetch.model: there is no such option; did you mean `models`?'],
    [[{ deployments: [{ name: 'a' }] }], 'fakeFetch.deployments: there is no such option; there are models,'],
    [[{ models: 'a' }], 'fakeFetch.models: "a" is not allowed; give an object of scripts by model, or an array'],
    [[kit.answer(), { modles: {} }], 'fakeFetch.modles: there is no such option; did you mean `models`?'],
    [[{ apiKeys: 'sk-secret' }], 'fakeFetch.apiKeys: a string is not allowed; give an object of keys by name'],
  ])('fakeFetch%j is an error that names it', (args, message) => {
    expect(errorOf('fakeFetch', ...args)).toContain(message);
  });

  it('of the fake with a socket rejects', async () => {
    await expect(js.startFakeProvider?.({ ports: 1 })).rejects.toThrow(
      'startFakeProvider.ports: there is no such option; did you mean `port`?',
    );
  });
});
