import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callRecord, ModelRouter } from 'model-router';
import { AzureOpenAI, OpenAI } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { messages } from '../helpers/recorded-fetch.js';

/** Threat: an upstream redirects to another origin, and keys, deployments' headers or the prompt follow. */
interface Heard {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}
type Redirect = (request: Heard) => { status: number; location: string } | undefined;

async function serve(redirect: Redirect = () => undefined): Promise<{ url: string; received: Heard[] }> {
  const received: Heard[] = [];
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const each = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    received.push(each);
    const to = redirect(each);
    if (to !== undefined) response.writeHead(to.status, { location: to.location }).end();
    else
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          choices: [{ message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
          data: [],
        }),
      );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const headers = { 'api-key': 'sk-0123456789', 'x-deployment-secret': 'sk-deployment' };
const CLIENTS: Record<string, (url: string) => ConstructorParameters<typeof ModelRouter>[0]> = {
  'a client that the router builds': (url) => ({
    clients: { default: { apiKey: 'sk-0123456789', baseURL: `${url}/v1`, defaultHeaders: headers, maxRetries: 0 } },
  }),
  'a client of the application': (url) => ({
    clients: {
      default: new OpenAI({ apiKey: 'sk-0123456789', baseURL: `${url}/v1`, defaultHeaders: headers, maxRetries: 0 }),
    },
  }),
  'an Azure client': (url) => ({
    clients: {
      default: new AzureOpenAI({
        apiKey: 'sk-0123456789',
        endpoint: url,
        apiVersion: '1',
        defaultHeaders: headers,
        maxRetries: 0,
      }),
    },
  }),
  'a single client': (url) => ({
    apiKey: 'sk-0123456789',
    baseURL: `${url}/v1`,
    defaultHeaders: headers,
    maxRetries: 0,
  }),
};

describe.each(Object.entries(CLIENTS))('a redirect, with %s', (_name, optionsOf) => {
  const open = (url: string) => {
    const options = { ...optionsOf(url), logLevel: 'off' as const, retry: { baseMs: 0, maxMs: 0 } };
    const router = new ModelRouter(options);
    onTestFinished(() => void router.close());
    return router;
  };

  it.each([301, 302, 303, 307, 308])('%i to another origin: a routed call does not follow it', async (status) => {
    const other = await serve();
    const { url, received } = await serve(() => ({ status, location: `${other.url}/v1/chat/completions` }));
    const error = await errorOf(open(url).chat.completions.create({ model: 'm', messages }));
    expect(error).toMatchObject({ status: 502, code: 'redirect_refused' });
    expect(callRecord(error)?.attempts).toMatchObject([{ outcome: 'server-error' }]);
    expect(other.received).toEqual([]);
    expect(received).toHaveLength(1);
  });

  it('to another origin: a request with a body that is not routed does not follow it', async () => {
    const other = await serve();
    const { url } = await serve(() => ({ status: 307, location: other.url }));
    const router = open(url);
    await errorOf(router.batches.create({ input_file_id: 'f', endpoint: '/v1/embeddings', completion_window: '24h' }));
    await errorOf(router.files.delete('f'));
    expect(other.received).toEqual([]);
  });

  it('to another origin: a GET follows it without its own headers', async () => {
    const other = await serve();
    const { url } = await serve(() => ({ status: 302, location: `${other.url}/blob?sig=abc` }));
    const router = open(url);
    const response = await router.files.content('file-1', {
      headers: { 'x-own': 'sk-own', Authorization: 'Bearer sk-own' },
    });
    expect(await response.text()).toContain('Hi');
    for await (const each of router.files.list()) void each;
    expect(other.received.map((each) => each.url)).toEqual(['/blob?sig=abc', '/blob?sig=abc']);
    for (const each of other.received) expect(JSON.stringify(each)).not.toContain('sk-');
  });

  it.each([307, 308])('%i within the origin is followed with body and key', async (status) => {
    const { url, received } = await serve((each) =>
      each.url.includes('moved') ? undefined : { status, location: '/moved?x=1' },
    );
    await open(url).chat.completions.create({ model: 'm', messages });
    expect(received).toHaveLength(2);
    expect(received[1]).toMatchObject({ method: 'POST', body: received[0]?.body });
    expect(received[1]?.headers['api-key']).toBe('sk-0123456789');
    expect(received[1]?.url).toMatch(/^\/moved\?/);
  });

  it.each([301, 302, 303])('%i within the origin becomes a GET, as in a plain client', async (status) => {
    const { url, received } = await serve((each) =>
      each.url.startsWith('/moved') ? undefined : { status, location: '/moved' },
    );
    await open(url).chat.completions.create({ model: 'm', messages });
    expect(received.map((each) => [each.method, each.body === ''])).toEqual([
      ['POST', false],
      ['GET', true],
    ]);
  });

  it('without end stops with an error', async () => {
    const { url, received } = await serve(() => ({ status: 307, location: '/again' }));
    expect(await errorOf(open(url).models.retrieve('m'))).toMatchObject({ status: 502 });
    expect(received).toHaveLength(21);
  });
});

it('the application’s own redirect option takes precedence', async () => {
  const other = await serve();
  const { url } = await serve(() => ({ status: 307, location: other.url }));
  const router = new ModelRouter({
    apiKey: 'sk-0123456789',
    baseURL: url,
    fetchOptions: { redirect: 'error' },
    logLevel: 'off',
  });
  await errorOf(router.models.retrieve('m', { maxRetries: 0 }));
  await router.models.retrieve('m', { fetchOptions: { redirect: 'follow' } });
  expect(other.received).toHaveLength(1);
});
