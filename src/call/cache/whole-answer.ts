import { abortError } from '../../classify.js';
import { isStorable } from '../../protocol/storable.js';
import type { CachedReply, CacheRequest, CacheSettings, Call, CallReply } from '../../types.js';
import { isPromise } from '../../util/is-promise.js';
import { isDeploymentFault } from './errors.js';
import type { FetchTask } from './fetch-task.js';
import { type CopiedRequest, copyOfRequest, keyOf } from './key.js';
import type { Found } from './lookup.js';
import { isLong, readAnswer, readInSlices } from './read-answer.js';
import type { ResponseCache } from './response-cache.js';

/**
 * Answers a call whose whole answer is one entry of the cache. Returns a fresh answer without an `await`. Throws if the
 * body has no key.
 */
export function answerWhole(
  cache: ResponseCache,
  call: Call,
  given: CacheRequest,
  settings: CacheSettings,
): Promise<CallReply> {
  const key = keyOf(call, given);
  const found = given.directive === 'no-cache' ? undefined : cache.lookup.get(key, settings, call.signal);
  const isLate = isPromise(found) || (found !== undefined && isLong(found.answer));
  const reply = isLate || found === undefined ? undefined : hit(cache, call, found);
  if (reply !== undefined) return Promise.resolve(reply);
  // Copied only now, because most hits need no copy of the body.
  const request = copyOfRequest(given);
  const miss = new Miss(cache, call, request, settings, taskOf(cache, call, request, key, settings));
  return isLate ? answerLate(cache, call, found, miss) : miss.answer(found);
}

/** For a store that is asynchronous, and for an answer that takes long to read. */
async function answerLate(
  cache: ResponseCache,
  call: Call,
  finding: Found | PromiseLike<Found | undefined>,
  miss: Miss,
): Promise<CallReply> {
  const found = await finding;
  const value = found !== undefined && isLong(found.answer) ? await readInSlices(call, found.answer) : undefined;
  if (call.signal?.aborted) throw abortError(call.signal.reason);
  const reply = found === undefined ? undefined : hit(cache, call, found, value);
  return reply ?? miss.answer(found, value);
}

/** Returns a fresh answer in the form that the call requested. */
function hit(
  cache: ResponseCache,
  call: Call,
  { answer, ageMs, state }: Found,
  value?: unknown,
): CachedReply | undefined {
  if (state !== 'fresh') return undefined;
  const reply = readAnswer(call, answer, value);
  if (reply !== undefined) cache.useCached(call, 'hit', [answer], ageMs);
  return reply;
}

/** A call for which there is no fresh answer that it may use. */
class Miss {
  constructor(
    readonly cache: ResponseCache,
    readonly call: Call,
    readonly request: CopiedRequest,
    readonly settings: CacheSettings,
    readonly task: FetchTask,
  ) {}

  /** `value`: of an answer that was read in slices. */
  answer(found: Found | undefined, value?: unknown): Promise<CallReply> {
    const { cache, call, request, settings, task } = this;
    if (found === undefined) return cache.fetch(call, request, task);
    const { answer, ageMs, state } = found;
    if (state === 'stale') {
      const reply = readAnswer(call, answer, value);
      if (reply !== undefined && cache.refresh(call, request, task)) {
        cache.useCached(call, 'stale', [answer], ageMs);
        return Promise.resolve(reply);
      }
    }
    const fetched = cache.fetch(call, request, task);
    if (state !== 'stale' && ageMs >= settings.ttlMs + settings.staleIfErrorMs) return fetched;
    return fetched.catch((error: unknown) => {
      const reply = isDeploymentFault(error) ? readAnswer(call, answer, value) : undefined;
      if (reply === undefined) throw error;
      cache.useCached(call, 'stale-if-error', [answer], ageMs);
      return reply;
    });
  }
}

function taskOf(
  { lookup }: ResponseCache,
  { protocol, settings: { tenant } }: Call,
  { body }: CopiedRequest,
  key: string,
  settings: CacheSettings,
): FetchTask {
  const { toolCalls } = settings;
  return {
    key,
    body,
    toolCalls,
    store: ({ data, text, isStream, source, requestId }) => {
      if (!isStream && !isStorable(protocol, data, toolCalls)) return undefined;
      const kind = isStream ? 'chunks' : 'json';
      const answer = { kind, text: text(), storedAt: Date.now(), requestId, ...source } as const;
      return lookup.set(key, answer, settings, tenant);
    },
  };
}
