import { describe, expect, it } from 'vitest';
import { tapText } from '../../../src/sdk/observe-text.js';

describe('tapText', () => {
  it('gives the text that was read, once', async () => {
    const response = new Response('{"a": 1}');
    const textOf = tapText(response);
    expect(textOf()).toBeUndefined();
    expect(await response.text()).toBe('{"a": 1}');
    expect([textOf(), textOf()]).toEqual(['{"a": 1}', undefined]);
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  it('knows nothing of a body that is read in another way', async () => {
    const response = new Response('{"a": 1}');
    const textOf = tapText(response);
    expect(await response.json()).toEqual({ a: 1 });
    expect(textOf()).toBeUndefined();
  });

  it('leaves a response of another kind as it is', async () => {
    const text = () => Promise.resolve('own');
    const response = Object.assign(new Response('{}'), { text });
    const textOf = tapText(response);
    expect(response.text).toBe(text);
    expect(await response.text()).toBe('own');
    expect(textOf()).toBeUndefined();
  });

  it('leaves a response that cannot be changed as it is', async () => {
    const frozen = Object.freeze(new Response('{}'));
    const textOf = tapText(frozen);
    expect(await frozen.text()).toBe('{}');
    expect(textOf()).toBeUndefined();
    const { text } = Response.prototype;
    const fixed = Object.defineProperty(new Response('{}'), 'text', { get: () => text });
    expect(tapText(fixed)()).toBeUndefined();
  });

  it('lets an error of reading through, and leaves none unhandled', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('broken off')) });
    const response = new Response(body);
    const textOf = tapText(response);
    await expect(response.text()).rejects.toThrow('broken off');
    expect(textOf()).toBeUndefined();
  });
});
