import { callOptions, type ModelRouter } from 'model-router';
import {
  answer,
  type Behaviour,
  type Choose,
  cut,
  errorEvent,
  fail,
  hang,
  html,
  malformed,
  reset,
  stall,
} from 'model-router/testing';

/** The number of different questions that may be answered from the cache, more than it has room for. */
const QUESTIONS = 300;
export const CACHE = {
  mode: 'idempotent',
  ttlMs: 2000,
  staleMs: 1000,
  staleIfErrorMs: 1000,
  maxEntries: 200,
} as const;

export const MIX_IN_WORDS =
  'plain calls, streams, hedged ones, bodies handed out unread, streams left early, never read or raced (1 %), calls aborted, calls with a deadline ' +
  'of a few milliseconds, calls and embeddings that the cache may answer; upstreams that answer, or fail with 500, 429, 401, reset, cut, hang, stall, send ' +
  'broken JSON, a web page, an error event';

const faults: readonly Behaviour[] = [
  fail(500),
  fail(429, { headers: { 'retry-after-ms': '20' } }),
  fail(400),
  fail(404),
  reset(),
  cut(),
  cut({ afterChunks: 0 }),
  errorEvent(),
  malformed(),
  html(),
  hang(),
  stall(),
];

/** An upstream that answers within `mostMs`, except for a share of its calls. */
export function faulty(random: () => number, share: number, mostMs: number): Choose {
  return () => {
    const latencyMs = Math.ceil(random() * mostMs);
    if (random() >= share) return answer({ chunks: ['One', ' two', ' three.'], latencyMs, chunkMs: 1 });
    return { ...(faults[Math.floor(random() * faults.length)] ?? fail(500)), latencyMs };
  };
}

/** One call of some kind. It settles when its whole answer or its error has come. */
export interface MixedCall {
  readonly kind: string;
  readonly promise: Promise<unknown>;
  /** The call's own signal, if any. */
  readonly signal: AbortSignal | undefined;
}

/** Makes one call of a random kind. Calls without their own signal get `shared`. */
export function mixedCall(router: ModelRouter, random: () => number, shared: AbortSignal, mostMs: number): MixedCall {
  const kind = random();
  const messages = [{ role: 'user' as const, content: `Question ${Math.floor(random() * QUESTIONS)}` }];
  const plain = { model: 'standard', messages };
  const streamed = { model: 'standard', messages, stream: true } as const;
  const { completions } = router.chat;
  const made = (kind: string, promise: Promise<unknown>, signal?: AbortSignal): MixedCall => ({
    kind,
    promise,
    signal,
  });

  const hedged = { ...callOptions({ hedgeAfterMs: Math.ceil(mostMs / 2) }), signal: shared };
  if (kind < 0.15) return made('plain', completions.create(plain, { signal: shared }));
  if (kind < 0.22) return made('hedged', completions.create(plain, hedged));
  if (kind < 0.3) return made('hedged stream', read(completions.create(streamed, hedged)));
  if (kind < 0.5) return made('cacheable', completions.create({ ...plain, temperature: 0 }, { signal: shared }));
  if (kind < 0.55)
    return made('cacheable stream', read(completions.create({ ...streamed, seed: 1 }, { signal: shared })));
  // Dropped, and never read to the end: they end when they are garbage-collected.
  if (kind < 0.554) return made('dropped stream', completions.create(streamed, { signal: shared }).then(ignore));
  if (kind < 0.557) {
    const options = { ...streamed, seed: Math.floor(random() * QUESTIONS) };
    return made('dropped cached stream', completions.create(options, { signal: shared }).then(ignore));
  }
  if (kind < 0.56) {
    const call = completions.create(streamed, { signal: shared });
    return made('raced stream', Promise.race([call, pause(random() * mostMs)]).then(ignore));
  }
  if (kind < 0.7) return made('stream', read(completions.create(streamed, { signal: shared })));
  if (kind < 0.75) return made('left', read(completions.create(streamed, { signal: shared }), 1));
  if (kind < 0.8) {
    const input = [`One ${Math.floor(random() * QUESTIONS)}`, `two ${Math.floor(random() * QUESTIONS)}`];
    return made('embeddings', router.embeddings.create({ model: 'standard', input }, { signal: shared }));
  }
  if (kind < 0.85) {
    const options = callOptions({ deadlineMs: Math.ceil(random() * mostMs) });
    return made('brief', completions.create(plain, { ...options, signal: shared }));
  }
  const { controller, clear } = abortIn(random() * 2 * mostMs);
  const { signal } = controller;
  // An unread body belongs to its caller, who ends it if it hangs.
  if (kind < 0.88) return made('unread', unread(completions.create(plain, { signal })).finally(clear), signal);
  if (kind < 0.93) return made('aborted', completions.create(plain, { signal }).finally(clear), signal);
  if (kind < 0.96) return made('aborted', completions.create({ ...plain, seed: 2 }, { signal }).finally(clear), signal);
  return made('aborted stream', read(completions.create(streamed, { signal })).finally(clear), signal);
}

function ignore(): void {}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function read(stream: PromiseLike<AsyncIterable<unknown>>, most = Number.POSITIVE_INFINITY): Promise<void> {
  let chunks = 0;
  for await (const _ of await stream) {
    chunks += 1;
    if (chunks >= most) break;
  }
}

async function unread(promise: { asResponse(): Promise<Response> }): Promise<void> {
  const response = await promise.asResponse();
  await response.text();
}

function abortIn(ms: number): { controller: AbortController; clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  return { controller, clear: () => clearTimeout(timer) };
}
