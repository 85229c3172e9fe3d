import { checkKeys, checkRecord, invalidOption } from '../util/check.js';
import { APP } from './assets/app.js';
import { page } from './assets/page.js';
import { STYLE } from './assets/style.js';
import { Collector, type StatusRouter } from './collector.js';
import { LiveClients } from './live-clients.js';
import { metricsText } from './metrics-text.js';
import { type StatusSettings, statusJson } from './status-json.js';

/** Options of the status page. */
export interface StatusOptions {
  /** The heading of the page. @default 'Model router' */
  title?: string | undefined;
  /** Shows the names of tenants, and their spending, in the page and in `status.json`. @default false */
  showTenants?: boolean | undefined;
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/** How one page answers, on any server. `path` is the path of the URL. */
export type Respond = (method: string, path: string) => Response;

/** One for each router, with its viewers. */
const SHARED = Symbol.for('model-router.status');

/** Throws InvalidOptionError. */
export function responder(router: StatusRouter, options: StatusOptions): Respond {
  if (typeof router?.on !== 'function') invalidOption('statusHandler', router, 'a router');
  const settings = checked(options);
  const collector = collectorOf(router);
  const json = () => JSON.stringify(statusJson(collector, settings));
  const live = new LiveClients(() => (router.snapshot().closed ? undefined : json()));

  return (method, path) => {
    if (method !== 'GET' && method !== 'HEAD')
      return answer('GET and HEAD only.', 'text/plain', 405, { allow: 'GET, HEAD' });
    const respond = (body: () => string, type: string) => answer(method === 'HEAD' ? null : body(), type);
    const name = path.slice(path.lastIndexOf('/') + 1);
    switch (name) {
      case '':
        return respond(() => page(settings.title), 'text/html');
      case 'app.js':
        return respond(() => APP, 'text/javascript');
      case 'style.css':
        return respond(() => STYLE, 'text/css');
      case 'status.json':
        return respond(json, 'application/json');
      case 'metrics':
        return respond(() => metricsText(collector), 'text/plain; version=0.0.4');
      case 'events':
        return method === 'HEAD' ? answer(null, 'text/event-stream') : events(router, live);
      default:
        // Redirects from the page without its trailing slash, wherever it is mounted. `./` ensures that any name stays
        // a path.
        if (/^[\w~%-]+$/.test(name)) return answer(null, 'text/plain', 302, { location: `./${name}/` });
        return answer(method === 'HEAD' ? null : 'There is no such page.', 'text/plain', 404);
    }
  };
}

/**
 * The status page of a router, as a `fetch` handler: for Next, Hono, Deno, Bun and anything else that uses `Request`
 * and `Response`. Create it once, together with the router, because it counts from then on. It never sends a request to
 * a model.
 *
 * Mount it below a path of your choice, behind your own authentication.
 *
 * @example
 * const status = statusHandler(router, { title: 'Support desk' });
 * app.get('/status/*', (c) => status(c.req.raw));
 * @throws InvalidOptionError
 */
export function statusHandler(router: StatusRouter, options: StatusOptions = {}): (request: Request) => Response {
  const respond = responder(router, options);
  return ({ method, url }) => respond(method, new URL(url).pathname);
}

function checked(options: StatusOptions): StatusSettings {
  checkRecord('statusHandler', options, "an object such as { title: 'Support desk' }");
  checkKeys('statusHandler', options, ['title', 'showTenants']);
  const { title = 'Model router', showTenants = false } = options;
  if (typeof title !== 'string') invalidOption('statusHandler.title', title, 'a text');
  if (typeof showTenants !== 'boolean') invalidOption('statusHandler.showTenants', showTenants, 'true or false');
  return { title, showTenants };
}

/** Several pages of one router share one collector. */
function collectorOf(router: StatusRouter): Collector {
  const known: unknown = Reflect.get(router, SHARED);
  if (known instanceof Collector) return known;
  const made = new Collector(router);
  Object.defineProperty(router, SHARED, { value: made, enumerable: false, configurable: true });
  return made;
}

function events(router: StatusRouter, live: LiveClients): Response {
  // A browser does not reconnect after 204.
  if (router.snapshot().closed) return answer(null, 'text/plain', 204);
  const stream = live.open();
  if (stream === undefined) return answer('Too many viewers.', 'text/plain', 503, { 'retry-after': '30' });
  // Proxies must not buffer events.
  return answer(stream, 'text/event-stream', 200, { 'x-accel-buffering': 'no' });
}

function answer(
  body: string | ReadableStream<Uint8Array> | null,
  type: string,
  status = 200,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { ...HEADERS, 'content-type': `${type}; charset=utf-8`, ...more } });
}
