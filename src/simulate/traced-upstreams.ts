import { CALLER_OUTCOMES } from '../telemetry/call-outcome.js';
import type { AttemptRecord, Outcome, Usage } from '../telemetry/record-types.js';
import type { AnswerUsage, Behaviour } from '../testing/behaviours.js';
import { answer, cut, empty, fail, hang, reset } from '../testing/constructors.js';
import type { RecordedRequest } from '../testing/recorder.js';
import type { Choose } from '../testing/script.js';
import { isRecord } from '../util/is-record.js';
import type { TracedCall } from './read-trace.js';
import { seededRandom, seedFor } from './seeded-random.js';

/** How many of the recorded attempts nearest in time to draw from. */
export const NEAREST = 20;
const CHUNKS = 4;

/** A call at its time in the replay. */
export interface TimedCall extends TracedCall {
  readonly atMs: number;
}

/** One recorded attempt. */
interface Sample {
  readonly atMs: number;
  readonly attempt: AttemptRecord;
  /** Until a stream's first content. */
  readonly firstMs: number;
}

interface Samples {
  readonly plain: Sample[];
  readonly streams: Sample[];
}

/** Outcomes that show how a deployment behaves. Others, such as an aborted call, do not show what the answer would have been. */
const TELLING: ReadonlySet<Outcome> = new Set([
  'success',
  'interrupted',
  'invalid-answer',
  'unauthorized',
  'forbidden',
  'model-not-found',
  'server-error',
  'rate-limited',
  'connection',
  'timeout',
  'deadline',
]);
/** It timed out without an answer. */
const GIVEN_UP: ReadonlySet<Outcome> = new Set(['timeout', 'deadline']);

export function isOwnFault({ record }: TracedCall): boolean {
  return record.attempts.some(({ outcome }) => CALLER_OUTCOMES.has(outcome));
}

export function isGivenUp({ outcome }: AttemptRecord): boolean {
  return GIVEN_UP.has(outcome);
}

/** The body of a replayed call has the number of its traced call, so that the fake finds its tokens. */
export function bodyOfTraced(call: number): Record<string, unknown> {
  return { messages: [{ role: 'user', content: `call ${call} of the trace` }] };
}

/**
 * The deployments of a trace, as scripts: each request is answered like one of the 20 recorded attempts there that are
 * nearest in time, drawn at random; streams like streams if there are any. Tokens are those of the call.
 */
export function tracedUpstreams(calls: readonly TimedCall[], seed: number): Record<string, Choose> {
  const scripts = [...samplesOf(calls)].map(([id, samples]): [string, Choose] => [
    id,
    replay({ samples, calls, seed, id, nearest: NEAREST }),
  ]);
  return Object.fromEntries(scripts);
}

/**
 * A deployment without records: it behaves like any attempt of the trace, at any time. `undefined` for an empty trace.
 */
export function pooled(calls: readonly TimedCall[], seed: number, id: string): Choose | undefined {
  const all = [...samplesOf(calls).values()];
  if (all.length === 0) return undefined;
  const samples = { plain: all.flatMap(({ plain }) => plain), streams: all.flatMap(({ streams }) => streams) };
  return replay({ samples, calls, seed, id, nearest: Number.POSITIVE_INFINITY });
}

function replay({
  samples: { plain, streams },
  calls,
  seed,
  id,
  nearest,
}: {
  readonly samples: Samples;
  readonly calls: readonly TimedCall[];
  readonly seed: number;
  readonly id: string;
  readonly nearest: number;
}): Choose {
  const usages = calls.map(({ record }) => record.usage);
  const random = seededRandom(seedFor(seed, 'trace', id));
  return (request) => {
    const own = request.stream ? streams : plain;
    const from = own.length > 0 ? own : request.stream ? plain : streams;
    const sample = near(from, Math.min(nearest, from.length), performance.now(), random());
    return sample === undefined ? answer() : behaviourOf(sample, request, usages);
  };
}

/** The number of usable attempts at each deployment. */
export function samplesIn(calls: readonly TimedCall[]): Map<string, number> {
  return new Map([...samplesOf(calls)].map(([id, { plain, streams }]) => [id, plain.length + streams.length]));
}

function samplesOf(calls: readonly TimedCall[]): Map<string, Samples> {
  const all = new Map<string, Samples>();
  for (const { atMs, record } of calls) {
    const { timeToFirstChunkMs, attempts } = record;
    for (const attempt of attempts) {
      if (!TELLING.has(attempt.outcome)) continue;
      const samples = all.get(attempt.deployment) ?? { plain: [], streams: [] };
      all.set(attempt.deployment, samples);
      const first = timeToFirstChunkMs === null ? attempt.durationMs : timeToFirstChunkMs - attempt.startedMs;
      const firstMs = Math.min(Math.max(0, first), attempt.durationMs);
      const kind = timeToFirstChunkMs == null ? samples.plain : samples.streams;
      kind.push({ atMs: atMs + attempt.startedMs, attempt, firstMs });
    }
  }
  for (const { plain, streams } of all.values())
    for (const list of [plain, streams]) list.sort((a, b) => a.atMs - b.atMs);
  return all;
}

/** One of the `count` samples nearest in time. */
function near(samples: readonly Sample[], count: number, now: number, random: number): Sample | undefined {
  let from = 0;
  let to = samples.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((samples[middle]?.atMs ?? 0) < now) from = middle + 1;
    else to = middle;
  }
  const start = Math.min(Math.max(0, from - (count >> 1)), samples.length - count);
  return samples[start + Math.floor(random * count)];
}

function behaviourOf(
  { attempt, firstMs }: Sample,
  request: RecordedRequest,
  usages: readonly (Usage | null)[],
): Behaviour {
  const { outcome, status, durationMs } = attempt;
  if (isGivenUp(attempt)) return hang();
  const latencyMs = request.stream ? firstMs : durationMs;
  const good = {
    latencyMs,
    ...(request.stream && { chunks: CHUNKS, chunkMs: (durationMs - firstMs) / (CHUNKS - 1) }),
    usage: usageOf(request, usages),
  };
  if (outcome === 'success') return answer(good);
  if (outcome === 'interrupted') return cut(good);
  if (outcome === 'invalid-answer') return empty({ latencyMs: durationMs });
  if (outcome === 'unauthorized') return fail(status ?? 401, { code: 'invalid_api_key', latencyMs: durationMs });
  if (outcome === 'model-not-found') return fail(404, { code: 'model_not_found', latencyMs: durationMs });
  if (status !== null && status >= 400) return fail(status, { latencyMs: durationMs });
  return reset({ latencyMs: durationMs });
}

/** The usage of the call or, if it had none, of the last earlier call that had. */
function usageOf({ body }: RecordedRequest, usages: readonly (Usage | null)[]): AnswerUsage | false {
  const messages = isRecord(body) && Array.isArray(body['messages']) ? body['messages'] : [];
  const [, number = ''] = /^call (\d+) /.exec(String(isRecord(messages[0]) ? messages[0]['content'] : '')) ?? [];
  const index = Number(number);
  const usage = usages[index] ?? usages.slice(0, index).findLast((each) => each !== null) ?? usages.find(Boolean);
  if (usage == null) return false;
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage;
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
}
