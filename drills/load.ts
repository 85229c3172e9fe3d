import { getEventListeners, setMaxListeners } from 'node:events';
import { inspect } from 'node:util';
import { callRecord } from 'model-router';
import type { VirtualClock } from './clock.ts';
import { type Fleet, KEY, openCalls, ROUTE, upstreamCalls } from './fleet.ts';
import { count, type Settled } from './tally.ts';

export interface Load {
  readonly clock: VirtualClock;
  readonly fleet: Fleet;
  readonly calls: number;
  /** Milliseconds between two bursts, whatever becomes of the calls. */
  readonly everyMs: number;
  /** Calls in a burst. @default 1 */
  readonly atOnce?: number;
  /** The fleet's own: nothing may settle later. */
  readonly deadlineMs: number;
  readonly onSettled: (settled: Settled) => void;
}

/** What must hold whatever the upstreams do. */
export interface Invariants {
  /** The latest that a call settled after its deadline, in milliseconds of virtual time. */
  readonly lateMs: number;
  /** What did not hold, in words, and how often. */
  readonly broken: ReadonlyMap<string, number>;
}

const PROMPT = 'a-prompt-that-must-not-leak';
const BODY = { model: ROUTE, messages: [{ role: 'user' as const, content: PROMPT }] };
/** A call that has not settled by then never will. */
const GRACE_MS = 60_000;

/** Sends calls at their times, waits for the last one, and looks at what is left at that very moment. */
export async function sendLoad(load: Load): Promise<Invariants> {
  const { clock, fleet, calls, everyMs, atOnce = 1, deadlineMs, onSettled } = load;
  const broken = new Map<string, number>();
  const caller = new AbortController();
  setMaxListeners(0, caller.signal);
  const timersBefore = clock.timers - openBreakers(fleet);
  const upstreamBefore = upstreamCalls(fleet);
  let started = 0;
  let settled = 0;
  let attempts = 0;
  let lateMs = 0;
  let ended = 0;
  const stopCounting = fleet.router.on('call-ended', () => {
    ended += 1;
  });

  const start = (): void => {
    started += 1;
    const startedMs = performance.now();
    const promise = fleet.router.chat.completions.create(BODY, { signal: caller.signal });
    const settle = (error: unknown): void => {
      settled += 1;
      const tookMs = performance.now() - startedMs;
      const record = callRecord(promise);
      lateMs = Math.max(lateMs, tookMs - deadlineMs);
      attempts += record?.attempts.length ?? 0;
      if (record === undefined) count(broken, 'a call without a record');
      else if (record.attempts.length > fleet.maxAttempts) count(broken, 'more attempts than maxAttempts');
      else if (record.attempts.some(({ outcome }) => outcome === 'pending')) count(broken, 'an attempt without outcome');
      if (error !== undefined) lookAt(error, broken);
      onSettled({ startedMs, tookMs, error, record });
    };
    promise.then(() => settle(undefined), settle);
  };
  const burst = (): void => {
    for (let i = 0; i < atOnce && started < calls; i += 1) start();
    if (started < calls) setTimeout(burst, everyMs);
  };

  burst();
  const end = performance.now() + Math.ceil(calls / atOnce) * everyMs + deadlineMs + GRACE_MS;
  await clock.settle();
  while (settled < calls && performance.now() < end) await clock.step();
  await clock.finishMoment();
  stopCounting();

  if (settled !== calls) count(broken, 'a call that never settled', calls - settled);
  if (ended !== calls) count(broken, 'a call that did not end exactly once', Math.abs(calls - ended));
  const upstream = upstreamCalls(fleet) - upstreamBefore;
  if (upstream !== attempts) count(broken, `an upstream call without a record (${upstream}, ${attempts} recorded)`);
  if (openCalls(fleet) > 0) count(broken, 'an upstream call that still runs', openCalls(fleet));
  if (inFlight(fleet) > 0) count(broken, 'a call that is still counted as in flight', inFlight(fleet));
  const timers = clock.timers - timersBefore - openBreakers(fleet);
  if (timers !== 0) count(broken, 'a timer that is left', timers);
  const listeners = getEventListeners(caller.signal, 'abort').length;
  if (listeners > 0) count(broken, "a listener left on the caller's signal", listeners);
  return { lateMs, broken };
}

/** Each holds one timer of its own, the end of its open time. */
export function openBreakers({ router }: Fleet): number {
  return Object.values(router.snapshot().deployments).filter(({ state }) => state === 'open').length;
}

function inFlight({ router }: Fleet): number {
  return Object.values(router.snapshot().deployments).reduce((total, each) => total + each.inFlight, 0);
}

function lookAt(error: unknown, broken: Map<string, number>): void {
  if (!(error instanceof Error)) return count(broken, 'a rejection that is no Error');
  const shown = `${inspect(error, { depth: 8 })}${error.stack}`;
  if (shown.includes(KEY)) count(broken, 'an error that shows the key');
  if (shown.includes(PROMPT)) count(broken, 'an error that shows the prompt');
}
