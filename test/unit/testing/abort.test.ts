import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { answer, bytes, commentFlood, cut, fakeFetch, hang, reset, stall } from '../../../src/testing/index.js';
import { doorNames, doors, post } from './entry-points.js';

const path = '/chat/completions';
const body = { model: 'm', messages: [] };
const streamed = { ...body, stream: true };
const url = `https://provider.test/v1${path}`;

async function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.fail(`resolved to ${String(value)}`),
    (error: unknown) => error,
  );
}

/** The same on a real `fetch` and a real socket as on `fakeFetch`. */
describe.each(doorNames)('an abort, %s', (name) => {
  it('before the call sends nothing', async () => {
    await using door = await doors[name]({ models: ['m'] });
    const error = await caught(door.fetch(path, post(body, { signal: AbortSignal.abort() })));
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(error).toBeInstanceOf(DOMException);
    expect(door.fake.count).toBe(0);
  });

  it('before the headers rejects the call with the reason of the signal', async () => {
    await using door = await doors[name]({ models: { m: hang() } });
    const controller = new AbortController();
    const reason = new Error('enough');
    const response = door.fetch(path, post(body, { signal: controller.signal }));
    await until(() => door.fake.open === 1);
    controller.abort(reason);
    expect(await caught(response)).toBe(reason);
    await until(() => door.fake.open === 0);
    expect(door.fake.requests).toMatchObject([{ outcome: 'aborted', status: undefined }]);
  });

  it('within the body rejects its reader with the reason of the signal', async () => {
    await using door = await doors[name]({ models: { m: stall() } });
    const controller = new AbortController();
    const reason = new Error('enough');
    const response = await door.fetch(path, post(streamed, { signal: controller.signal }));
    const reader = response.body?.getReader();
    await reader?.read();
    controller.abort(reason);
    expect(await caught((async () => reader && readAll(reader))())).toBe(reason);
    await until(() => door.fake.open === 0);
    expect(door.fake.requests).toMatchObject([{ outcome: 'aborted', status: 200 }]);
  });

  it('while the body is unread shows when it is read', async () => {
    await using door = await doors[name]({ models: ['m'] });
    const controller = new AbortController();
    const response = await door.fetch(path, post(body, { signal: controller.signal }));
    controller.abort();
    expect(await caught(response.text())).toMatchObject({ name: 'AbortError' });
  });

  it('after the body does nothing', async () => {
    await using door = await doors[name]({ models: ['m'] });
    const controller = new AbortController();
    const response = await door.fetch(path, post(body, { signal: controller.signal }));
    const text = await response.text();
    controller.abort();
    expect(JSON.parse(text)).toHaveProperty('choices');
    await until(() => door.fake.open === 0);
    expect(door.fake.requests).toMatchObject([{ outcome: 'answered' }]);
  });

  it('by cancelling the body ends the request', async () => {
    await using door = await doors[name]({ models: { m: stall() } });
    const response = await door.fetch(path, post(streamed));
    await response.body?.cancel();
    await until(() => door.fake.open === 0);
    expect(door.fake.requests).toMatchObject([{ outcome: 'aborted' }]);
  });

  it('is not needed to hold back a flood that no caller reads', async () => {
    await using door = await doors[name]({ models: { m: commentFlood({ count: 1e7, stepMs: 0 }) } });
    const response = await door.fetch(path, post(streamed));
    expect(door.fake.open).toBe(1);
    await response.body?.cancel();
    await until(() => door.fake.open === 0);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(isSo()).toBe(true), { interval: 5, timeout: 5000 });
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}

describe('fakeFetch', () => {
  it('leaves no listener on a signal when a call has ended', async () => {
    const { signal } = new AbortController();
    const listeners = () => getEventListeners(signal, 'abort').length;
    const fetch = fakeFetch([answer(), cut(), reset(), stall({ ms: 1 }), stall(), bytes({ status: 204, chunks: [] })]);
    const init = post(streamed, { signal });
    await (await fetch(url, init)).text();
    expect(listeners()).toBe(0);
    await caught((await fetch(url, init)).text());
    expect(listeners()).toBe(0);
    await caught(fetch(url, init));
    expect(listeners()).toBe(0);
    const stalled = await fetch(url, init);
    expect(listeners()).toBe(1);
    await stalled.text();
    expect(listeners()).toBe(0);
    const left = await fetch(url, init);
    await left.body?.cancel();
    expect(listeners()).toBe(0);
    expect((await fetch(url, init)).status).toBe(204);
    expect(listeners()).toBe(0);
  });

  it('continues after an abort if configured, for all calls or for one', async () => {
    const aborted = post(body, { signal: AbortSignal.abort() });
    const deaf = fakeFetch(answer('Still here'), { ignoreAbort: true });
    expect(await (await deaf(url, aborted)).text()).toContain('Still here');

    const fetch = fakeFetch([stall({ ms: 5, content: 'Still here', ignoreAbort: true }), stall()]);
    for (const expected of ['Still here', 'AbortError']) {
      const controller = new AbortController();
      const response = await fetch(url, post(body, { signal: controller.signal }));
      controller.abort();
      expect(await response.text().catch(String)).toContain(expected);
    }
    expect(fetch.requests).toMatchObject([{ outcome: 'answered' }, { outcome: 'aborted' }]);
  });
});
