import type { StatusRouter } from './collector.js';
import { type Respond, responder, type StatusOptions } from './status-handler.js';

/** The part of node:http's or Express's request that is used. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Express: the whole path; there, `url` is the part after the mount. */
  readonly originalUrl?: string | undefined;
}

/** The part of node:http's or Express's response that is used. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown;
  write(chunk: Uint8Array): boolean;
  end(): unknown;
  on(event: 'close' | 'drain', listener: () => void): unknown;
}

/** Fastify's reply. */
export interface RawReply {
  readonly raw: NodeResponse;
  hijack(): unknown;
}

/**
 * The same page for node:http, Express and Fastify.
 *
 * @example
 * const status = nodeStatusHandler(router);
 * app.use('/status', status);                                        // Express
 * fastify.get('/status', status); fastify.get('/status/*', status);  // Fastify
 * @throws InvalidOptionError
 */
export function nodeStatusHandler(
  router: StatusRouter,
  options: StatusOptions = {},
): (request: NodeRequest, response: NodeResponse | RawReply) => void {
  const respond = responder(router, options);
  return (request, response) => {
    if ('hijack' in response) response.hijack();
    const to = 'raw' in response ? response.raw : response;
    // For example a response that was already sent: that must not end the process.
    send(respond, request, to).catch(() => to.end());
  };
}

async function send(respond: Respond, request: NodeRequest, to: NodeResponse): Promise<void> {
  const [path = '/'] = (request.originalUrl ?? request.url ?? '/').split(/[?#]/);
  const { status, headers, body } = respond(request.method ?? 'GET', path);
  to.writeHead(status, Object.fromEntries(headers));
  const reader = body?.getReader();
  let isClosed = false;
  let onDrain: () => void = () => undefined;
  to.on('drain', () => onDrain());
  to.on('close', () => {
    isClosed = true;
    onDrain();
    // Frees the place of a viewer that has left.
    reader?.cancel().catch(() => undefined);
  });
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done || isClosed) break;
    if (value !== undefined && !to.write(value)) {
      await new Promise<void>((resolve) => {
        onDrain = resolve;
        if (isClosed) resolve();
      });
    }
  }
  if (!isClosed) to.end();
}
