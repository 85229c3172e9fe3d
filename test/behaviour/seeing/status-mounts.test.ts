import type { RequestListener } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import type { ModelRouter } from 'model-router';
import { nodeStatusHandler, type Status, statusHandler } from 'model-router/status';
import { answer } from 'model-router/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listening } from '../../helpers/listening.js';
import { sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

/** A `fetch` of a server on loopback, for one test. */
async function fetching(listener: RequestListener): Promise<Fetch> {
  const origin = await listening(listener);
  return (url, init) => fetch(new URL(url, origin), init);
}

/** Follows redirects like a browser, with a handler of `Request`. */
const following = (handle: (request: Request) => Response | Promise<Response>): Fetch => {
  const go: Fetch = async (url, init) => {
    const response = await handle(new Request(new URL(url, 'https://app.test'), init));
    const location = response.headers.get('location');
    if (location === null) return response;
    return go(String(new URL(location, new URL(url, 'https://app.test'))), init);
  };
  return go;
};

const mounts: Record<string, (router: ModelRouter) => Fetch | Promise<Fetch>> = {
  'node:http': (router) => fetching(nodeStatusHandler(router)),
  Express: (router) => {
    const app = express();
    app.use('/admin/status', nodeStatusHandler(router));
    return fetching(app);
  },
  'Express, by a nested router': (router) => {
    const app = express();
    const admin = express.Router();
    admin.get(['/status', '/status/*rest'], nodeStatusHandler(router));
    app.use('/admin', admin);
    return fetching(app);
  },
  Fastify: async (router) => {
    const app = fastify();
    const status = nodeStatusHandler(router);
    app.get('/admin/status', status);
    app.get('/admin/status/*', status);
    await app.ready();
    return fetching(app.routing);
  },
  Hono: (router) => {
    const app = new Hono();
    const status = statusHandler(router);
    app.get('/admin/status', (c) => status(c.req.raw));
    app.get('/admin/status/*', (c) => status(c.req.raw));
    return following((request) => app.fetch(request));
  },
  'a route handler of Next.js': (router) => {
    const GET: (request: Request) => Response = statusHandler(router);
    return following(GET);
  },
};

describe.each(Object.entries(mounts))('the page on %s', (_, mount) => {
  it('is found without its last slash, with its assets, wherever it is mounted', async () => {
    const { router } = build({ a: answer() });
    const go = await mount(router);
    await sendChat(router);
    const response = await go('/admin/status');
    expect(response.status).toBe(200);
    const html = await response.text();
    const loaded = [...html.matchAll(/(?:src|href)="([\w.]+)"/g)].map(([, path]) => path);
    expect(loaded).toEqual(['style.css', 'app.js', 'status.json', 'metrics']);
    for (const path of loaded) expect((await go(`/admin/status/${path}`)).status).toBe(200);
    const status = (await (await go('/admin/status/status.json')).json()) as Status;
    expect(status.deployments.a).toMatchObject({ health: 'working', requests: 1 });
    expect(await (await go('/admin/status/metrics')).text()).toContain('model_router_calls_total');
    expect((await go('/admin/status/metrics', { method: 'HEAD' })).status).toBe(200);
    expect((await go('/admin/status/none.css')).status).toBe(404);
  });

  it('sends events', async () => {
    const go = await mount(build({ a: answer() }).router);
    const response = await go('/admin/status/events');
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toMatch(/^data: \{.*"health":"unused".*\}\n\n$/);
    await reader?.cancel();
  });
});

it('frees the place of a watcher that hangs up', async () => {
  const go = await fetching(nodeStatusHandler(build({ a: answer() }).router));
  const controllers = Array.from({ length: 20 }, () => new AbortController());
  for (const { signal } of controllers) expect((await go('/events', { signal })).status).toBe(200);
  expect((await go('/events')).status).toBe(503);
  controllers[0]?.abort();
  await expect
    .poll(async () => {
      const response = await go('/events');
      await response.body?.cancel();
      return response.status;
    })
    .toBe(200);
});

it('leaves alone a response that something else has sent, without an unhandled rejection', async () => {
  const status = nodeStatusHandler(build({ a: answer() }).router);
  const go = await fetching((request, response) => {
    response.writeHead(204).end();
    status(request, response);
  });
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  onTestFinished(() => void process.off('unhandledRejection', onRejection));
  expect((await go('/')).status).toBe(204);
  await new Promise((resolve) => setImmediate(resolve));
  expect(rejections).toEqual([]);
});
