import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text as readAll } from 'node:stream/consumers';
import { checkFake } from './check-fake.js';
import { type FakeControls, withControls } from './fake-controls.js';
import type { FakeOptions } from './fake-options.js';
import { type ReceivedBody, readBody, readText } from './received-body.js';
import { ServerSink } from './server-sink.js';
import { Upstream } from './upstream.js';

/** Options of `startFakeProvider`. */
export interface FakeProviderOptions extends FakeOptions {
  /** The port on 127.0.0.1. @default a free one */
  readonly port?: number;
}

/** A provider that runs on 127.0.0.1. */
export interface FakeProvider extends FakeControls {
  /** For a client's `baseURL`; ends in `/v1`. */
  readonly url: string;
  readonly port: number;
}

/**
 * Starts an OpenAI-compatible server on loopback that follows its scripts, and records its requests.
 * @throws InvalidOptionError for a wrong option, the server's error if the port is taken
 */
export async function startFakeProvider(options: FakeProviderOptions = {}): Promise<FakeProvider> {
  checkFake('startFakeProvider', options, ['port']);
  const upstream = new Upstream(options);
  const server = createServer((request, response) => {
    // A request that breaks off while it is sent gets no answer.
    serve(upstream, request, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  let closing: Promise<void> | undefined;
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    upstream.close();
    server.closeAllConnections();
    await closed;
  };
  return withControls({ url: `http://127.0.0.1:${port}/v1`, port }, upstream, () => {
    closing ??= close();
    return closing;
  });
}

async function serve(upstream: Upstream, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const received = await bodyOf(request);
  const sink = new ServerSink(response);
  const headers = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values = []]) => [name, values.join(', ')]),
  );
  const exchange = upstream.receive({ ...received, method, url: new URL(url, 'http://127.0.0.1'), headers });
  sink.play(upstream.play(exchange, sink));
}

async function bodyOf(request: IncomingMessage): Promise<ReceivedBody> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/')) return readText(await readAll(request), type);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return readBody(new Blob(chunks), type);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('The fake provider has no port');
  return address.port;
}
