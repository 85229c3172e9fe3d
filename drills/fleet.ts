import { type CallOptions, ModelRouter } from 'model-router';
import { type Choose, type FakeFetch, fakeFetch } from 'model-router/testing';
import { mulberry32 } from './chance.ts';

export const KEY = 'sk-drill-key-that-must-not-leak';
export const ROUTE = 'standard';
export const DEADLINE_MS = 2000;
export const COOLDOWN_MS = 10_000;
export const MAX_ATTEMPTS = 3;
/** The router's default retry budget. */
export const RETRY_TOKENS = { perCall: 0.2, perSecond: 10 } as const;

/** A router over simulated upstreams: the real SDK, the real engine, no sockets. */
export interface Fleet {
  readonly router: ModelRouter;
  /** By deployment, in the order of the route. */
  readonly upstreams: ReadonlyMap<string, FakeFetch>;
  readonly deadlineMs: number;
}

/** `scripts` has each deployment's behaviour, in the order of the route. Must be called in virtual time. */
export function openFleet(
  scripts: Readonly<Record<string, Choose>>,
  seed: number,
  { deadlineMs = DEADLINE_MS, ...options }: Pick<CallOptions, 'deadlineMs' | 'hedgeAfterMs'> = {},
): Fleet {
  const names = Object.keys(scripts);
  const random = mulberry32(seed);
  const upstreams = new Map(
    Object.entries(scripts).map(([name, script]) => [name, fakeFetch(script, { keep: 0, name, random })]),
  );
  const client = (name: string, fetch: FakeFetch) =>
    ({ apiKey: KEY, baseURL: `http://${name}.test/v1`, fetch, logLevel: 'off' }) as const;
  const router = new ModelRouter({
    clients: Object.fromEntries([...upstreams].map(([name, fetch]) => [name, client(name, fetch)])),
    deployments: Object.fromEntries(names.map((name) => [name, { client: name }])),
    routes: { [ROUTE]: names },
    deadlineMs,
    maxAttempts: MAX_ATTEMPTS,
    breaker: { cooldownMs: COOLDOWN_MS },
    retry: { budget: RETRY_TOKENS.perCall, minPerSecond: RETRY_TOKENS.perSecond },
    random,
    logLevel: 'off',
    ...options,
  });
  return { router, upstreams, deadlineMs };
}

/** Upstream calls that run now. */
export function openCalls({ upstreams }: Fleet): number {
  return [...upstreams.values()].reduce((total, { open }) => total + open, 0);
}

/** Upstream calls so far. */
export function upstreamCalls({ upstreams }: Fleet): number {
  return [...upstreams.values()].reduce((total, { count }) => total + count, 0);
}
