// The demo without keys: one application, once on a router and once on a plain client, through the same bad half minute.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelRouter } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { OpenAI } from 'openai';
import { cheap, newRouter, other, pro } from './models.ts';
import { LiveScreen, PlainScreen } from './screen.ts';
import { Tally, table } from './tally.ts';
import { run, schedule } from './traffic.ts';
import { billOf, phaseAt, startProvider, totalMs } from './weather.ts';

const seed = 20_261;
const perSecond = 9;
/** Time for one attempt on both sides; the SDK's own default is 10 minutes. */
const timeout = 2000;

const settings = `Two clients run the same code: the same calls at the same times meet the same
faults (seed ${seed}).
  plain client   the SDK's defaults (2 retries), but a timeout of ${timeout} ms, not 10 minutes
  model-router   its defaults, but the same timeout for an attempt, and a breaker
                 that stays open for 3 s, not 10, as all of this takes half a minute
`;

export async function runOffline(signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  const [ours, theirs] = await Promise.all([startProvider(seed, elapsed), startProvider(seed, elapsed)]);
  const connection = { apiKey: 'a-key-for-the-fake', baseURL: ours.url };
  const router = newRouter(
    { default: connection, fallback: connection, pro: connection },
    { timeout, breaker: { cooldownMs: 3000 }, random: seededRandom(seed) },
  );
  const plain = new OpenAI({ apiKey: 'a-key-for-the-fake', baseURL: theirs.url, timeout });

  console.log(settings);
  const isLive = process.stdout.isTTY && process.env.TERM !== 'dumb';
  const screen = isLive ? new LiveScreen() : new PlainScreen();
  const report = (text: string, isNews = false) => {
    // Calls that an interrupt ends are not reported.
    if (!signal.aborted) screen.report(elapsed(), text, isNews);
  };
  listen(router, report);
  const tallies = { router: new Tally(), plain: new Tally() };
  let phase = '';
  const show = () => {
    const now = phaseAt(elapsed())?.name ?? '';
    if (now !== phase) report(`-- ${now}`, true);
    phase = now;
    screen.show({ elapsedMs: elapsed(), totalMs, phase, snapshot: router.snapshot(), ...tallies });
  };
  const ticker = setInterval(show, 200);

  try {
    const calls = schedule(seed, totalMs, perSecond);
    await Promise.all([
      run(router, { standard: 'standard', premium: 'premium' }, calls, { elapsed, signal, tally: tallies.router }),
      run(plain, { standard: cheap, premium: pro }, calls, { elapsed, signal, tally: tallies.plain }),
    ]);
    // An aborted call releases its socket a moment later.
    await sleep(20);
    show();
  } finally {
    clearInterval(ticker);
    screen.close();
    await router.close();
    await Promise.all([ours.close(), theirs.close()]);
  }

  const rows = [
    { name: 'plain client', tally: tallies.plain, upstreamCalls: theirs.count, costUsd: billOf(theirs) },
    { name: 'model-router', tally: tallies.router, upstreamCalls: ours.count, costUsd: billOf(ours) },
  ];
  console.log(`\n${table(rows).join('\n')}\n`);
  console.log(`failed      of the router's, ${tallies.router.interrupted} broke in mid-stream: an error, with what arrived
cut unseen  streams that ended as if they were whole, with a part missing
p50, p99    until the answer or the error
upstream    requests that the provider got
cost        of each request answered with 200, also if it broke off`);
  if (signal.aborted) return console.log('\nstopped; the numbers are those until then');
  assert(tallies.router.answered > tallies.plain.answered, 'the router must have answered more');
  assert.equal(tallies.router.halves, 0, 'the router never passes a half answer off as a whole one');
  assert.equal(router.snapshot().deployments[other]?.inFlight, 0);
}

/** Turns the router's events into lines. */
function listen(router: ModelRouter, report: (text: string, isNews?: boolean) => void): void {
  router.on('breaker-opened', ({ deployment }) => report(`${deployment}: breaker open, no traffic to it`, true));
  router.on('breaker-closed', ({ deployment }) => report(`${deployment}: breaker closed, it is back`, true));
  router.on('attempt-slow', ({ deployment, durationMs }) => {
    // Timeouts are reported as failures.
    if (durationMs < timeout) report(`${deployment}: slow, ${durationMs.toFixed(0)} ms`);
  });
  router.on('attempt-failed', ({ attempt: { deployment, status, outcome, durationMs } }) => {
    if (outcome !== 'interrupted') report(`${deployment}: ${status ?? outcome} after ${durationMs.toFixed(0)} ms`);
  });
  router.on('call-ended', ({ error, record }) => {
    if (error === null) return;
    const isBroken = error.code === 'stream_interrupted';
    report(
      `${record.deployment}: ${isBroken ? 'a stream broke after its first content' : `a call failed (${error.name})`}`,
    );
  });
}
