import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ModelRouter } from 'model-router';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messages } from '../helpers/messages.js';

const chat = {
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
};
/** UTF-8, as some gateways write it: Node writes each of these characters as one byte. */
const phrase = Buffer.from('成功').toString('latin1');
let status = 200;

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(status, phrase, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? chat : { error: { message: 'no', code: 'upstream_code' } }));
  });
});
let baseURL: string;
let router: ModelRouter;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const client = { apiKey: 'sk', baseURL, maxRetries: 0 };
  router = new ModelRouter({ clients: { default: client }, deployments: { m: {} }, maxAttempts: 1, breaker: false });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  return router.close();
});

const init = { method: 'POST', body: JSON.stringify({ model: 'm', messages }) };
const request = (path: string) =>
  router.asFetch({ baseURL })(`${baseURL}${path}`, path === '/chat/completions' ? init : {});

describe('a reason phrase in UTF-8', () => {
  it('does not fail a request of asFetch that is not routed', async () => {
    status = 200;
    const response = await request('/models');
    expect([response.status, response.statusText, await response.json()]).toEqual([200, '', chat]);
  });

  it('does not fail a response that is requested after its answer', async () => {
    status = 200;
    const ended = Promise.withResolvers<unknown>();
    router.on('attempt-ended', ended.resolve);
    const call = router.chat.completions.create({ model: 'm', messages });
    await ended.promise;
    expect(await (await call.asResponse()).json()).toEqual(chat);
  });
});

describe.each(['/chat/completions', '/models'])('a status that a new Response refuses: %s', (path) => {
  it.each([
    [600, 502],
    [999, 502],
  ])('asFetch answers %i with %i, and the error', async (sent, received) => {
    status = sent;
    const response = await request(path);
    expect([response.status, await response.json()]).toMatchObject([received, { error: { code: 'upstream_code' } }]);
  });

  it('asFetch answers 304 without a body', async () => {
    status = 304;
    const response = await request(path);
    expect([response.status, response.body]).toEqual([304, null]);
  });
});
