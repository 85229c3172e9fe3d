import { whyNeverShared } from '../../protocol/never-shared.js';
import type { CacheSettings, Call } from '../../types.js';
import { isGiven, isRecord } from '../../util/is-record.js';

type Body = Record<string, unknown>;

const PROTOCOLS = new Set(['chat', 'completions', 'responses', 'embeddings']);

export interface Eligibility {
  readonly cacheable: boolean;
  /** The reason in words, without any part of the request. */
  readonly why: string;
}

/** Whether a call may be answered from the cache at all, and why. */
export function eligibilityOf(call: Call): Eligibility {
  const { cache } = call.settings;
  const { cacheRequest: request } = call;
  if (cache === undefined || request === undefined) return no('the cache is off');
  if (request.directive === 'no-store') return no('X-Router-Cache is no-store');
  if (!PROTOCOLS.has(call.protocol)) return no('answers of this endpoint are not cached');
  if (request.body === undefined)
    return no('its body is not plain JSON, or the request or its answer is handled in a special way');
  if (request.hasCredentials) return no('the call has its own credentials');
  const why = whyNever(call, request.body) ?? whyNotWithTools(cache, request.body);
  if (why !== undefined) return no(why);
  return cache.mode === 'all'
    ? yes("every call may be cached (`mode: 'all'`)")
    : idempotentEligibility(call, request.body);
}

function idempotentEligibility({ protocol }: Call, { temperature, seed }: Body): Eligibility {
  if (protocol === 'embeddings') return yes('embeddings of one input are always the same');
  if (temperature === 0) return yes('its temperature is 0');
  if (typeof seed === 'number') return yes('it has a seed');
  return no('only idempotent calls are cached, and this one has neither `temperature: 0` nor a `seed`');
}

/** Reasons that no option can override, because the answer would be wrong for some caller. */
function whyNever({ protocol, choices }: Call, body: Body): string | undefined {
  const bound = whyNeverShared(protocol, body);
  if (bound !== undefined) return bound;
  if (isRecord(body.prompt) && !isGiven(body.prompt.version)) return 'its stored prompt has no version, and may change';
  if (choices > 1) return 'it requests several answers';
  if (isGiven(body.audio) || (Array.isArray(body.modalities) && body.modalities.includes('audio')))
    return 'answers with audio are not cached';
  return undefined;
}

function whyNotWithTools({ toolCalls }: CacheSettings, { tools, functions }: Body): string | undefined {
  if (toolCalls || !(isNonEmpty(tools) || isNonEmpty(functions))) return undefined;
  return 'its answer may call tools, and `toolCalls` is not set';
}

const isNonEmpty = (value: unknown) => Array.isArray(value) && value.length > 0;
const no = (why: string): Eligibility => ({ cacheable: false, why });
const yes = (why: string): Eligibility => ({ cacheable: true, why });
