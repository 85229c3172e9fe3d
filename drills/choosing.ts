import { ModelRouter, type RouterSettings } from 'model-router';
import { type Choose, fakeFetch } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import type { VirtualClock } from './clock.ts';
import { KEY } from './fleet.ts';

/** The route that the drills of choosing call. */
export const ROUTE = 'chat';
export const MESSAGES = [{ role: 'user' as const, content: 'hi' }];

/** A router over models behind one fake. Must be called in virtual time. */
export function openRouter(scripts: Readonly<Record<string, Choose>>, seed: number, settings: RouterSettings) {
  const fetch = fakeFetch({ models: scripts, keep: 0, random: mulberry32(seed + 1) });
  return new ModelRouter({
    clients: { default: { apiKey: KEY, baseURL: 'http://only.test/v1', fetch, logLevel: 'off' } },
    deployments: Object.fromEntries(Object.keys(scripts).map((id) => [id, {}])),
    random: mulberry32(seed),
    logLevel: 'off',
    ...settings,
  });
}

/** Starts `calls` calls at their times, and advances the clock until all have ended. */
export async function atRate(
  clock: VirtualClock,
  { perSecond, calls }: { readonly perSecond: number; readonly calls: number },
  call: (index: number) => Promise<unknown>,
): Promise<void> {
  const gapMs = 1000 / perSecond;
  const start = performance.now();
  let begun = 0;
  let ended = 0;
  const next = (): void => {
    const index = begun++;
    const end = (): void => {
      ended += 1;
    };
    call(index).then(end, end);
    if (begun < calls) setTimeout(next, Math.max(0, start + begun * gapMs - performance.now()));
  };
  next();
  while (ended < calls) await clock.step();
}

/** Advances the clock until a promise has settled. */
export async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  promise.then(end, end);
  await clock.flush();
  while (!isOver) await clock.step();
  return promise;
}
