import { ModelRouter, type RouterSettings } from 'model-router';
import { type Choose, type FakeFetch, fakeFetch } from 'model-router/testing';
import { mulberry32 } from './chance.ts';

/** A router over deployments that only pretend: the real SDK, the real engine, no sockets. */
export interface Fleet {
  readonly router: ModelRouter;
  /** By deployment, in the order of the route. */
  readonly upstreams: ReadonlyMap<string, FakeFetch>;
  readonly maxAttempts: number;
  readonly cooldownMs: number;
}

export const KEY = 'sk-drill-key-that-must-not-leak';
export const ROUTE = 'standard';

export interface FleetOptions {
  /** By deployment, in order. */
  readonly scripts: Readonly<Record<string, Choose>>;
  readonly seed: number;
  readonly settings?: RouterSettings;
}

/** Must be called in virtual time. */
export function openFleet({ scripts, seed, settings = {} }: FleetOptions): Fleet {
  const names = Object.keys(scripts);
  const random = mulberry32(seed);
  const upstreams = new Map(
    Object.entries(scripts).map(([name, script]) => [name, fakeFetch(script, { keep: 0, name, random })]),
  );
  const maxAttempts = 3;
  const cooldownMs = 10_000;
  const router = new ModelRouter({
    clients: Object.fromEntries(
      [...upstreams].map(([name, fetch]) => [
        name,
        { apiKey: KEY, baseURL: `http://${name}.test/v1`, fetch, logLevel: 'off' as const },
      ]),
    ),
    deployments: Object.fromEntries(names.map((name) => [name, { client: name }])),
    routes: { [ROUTE]: names },
    maxAttempts,
    breaker: { cooldownMs },
    random,
    logLevel: 'off',
    ...settings,
  });
  return { router, upstreams, maxAttempts, cooldownMs };
}

/** Upstream calls that run now. */
export function openCalls({ upstreams }: Fleet): number {
  return sum(upstreams, ({ open }) => open);
}

/** Upstream calls so far. */
export function upstreamCalls({ upstreams }: Fleet): number {
  return sum(upstreams, ({ count }) => count);
}

function sum(upstreams: Fleet['upstreams'], of: (upstream: FakeFetch) => number): number {
  return [...upstreams.values()].reduce((total, upstream) => total + of(upstream), 0);
}
