import type { CacheSettings, Call } from '../../types.js';
import { isRecord } from '../../util/is-record.js';

type Body = Record<string, unknown>;

const PROTOCOLS = new Set(['chat', 'completions', 'responses', 'embeddings']);
/** Tools of these types run where the caller is; any other one runs on the server, and may do more than answer. */
const CALLERS_TOOLS = new Set(['function', 'custom']);

export interface Verdict {
  readonly cacheable: boolean;
  /** In words, without anything of the request. */
  readonly why: string;
}

/** Whether a call may be answered from the cache at all, and why. */
export function judge(call: Call): Verdict {
  const { cache } = call.settings;
  const { cacheRequest: request } = call;
  if (cache === undefined || request === undefined) return no('the cache is off');
  if (request.directive === 'no-store') return no('X-Router-Cache says no-store');
  if (!PROTOCOLS.has(call.protocol)) return no('answers of this endpoint are not cached');
  if (request.body === undefined) return no('its body is not plain JSON, or it is sent or read in a way of its own');
  if (request.hasCredentials) return no('the call brings credentials of its own');
  const why = whyNever(call, request.body) ?? whyNoTools(cache, request.body);
  if (why !== undefined) return no(why);
  return cache.which === 'all' ? yes("every call may be cached (`which: 'all'`)") : judgeIdempotent(call, request.body);
}

function judgeIdempotent({ protocol }: Call, { temperature, seed }: Body): Verdict {
  if (protocol === 'embeddings') return yes('embeddings of one input are always the same');
  if (temperature === 0) return yes('its temperature is 0');
  if (typeof seed === 'number') return yes('it has a seed');
  const given = temperature === undefined ? 'it says no temperature' : 'its temperature is not 0';
  return no(`only idempotent calls are cached, and ${given} and no seed`);
}

/** What would be wrong for some caller, whatever the application has said. */
function whyNever({ protocol, choices }: Call, body: Body): string | undefined {
  if (isGiven(body.conversation) || isGiven(body.previous_response_id))
    return 'it goes on with a conversation that is kept on the server';
  if (body.background === true) return 'it runs in the background';
  if (protocol === 'responses' && body.store !== false)
    return 'the server stores its response, unless `store` is false';
  if (protocol === 'chat' && body.store === true) return 'the server stores its completion (`store`)';
  if (hasServerTools(body)) return 'it uses tools that run on the server';
  if (isRecord(body.prompt) && !isGiven(body.prompt.version)) return 'its stored prompt has no version, and may change';
  if (choices > 1) return 'it asks for several answers';
  if (isGiven(body.audio) || (Array.isArray(body.modalities) && body.modalities.includes('audio')))
    return 'answers with audio are not cached';
  return undefined;
}

function whyNoTools({ toolCalls }: CacheSettings, { tools, functions }: Body): string | undefined {
  if (toolCalls || !(isNonEmpty(tools) || isNonEmpty(functions))) return undefined;
  return 'its answer may call tools, and `toolCalls` is not set';
}

function hasServerTools({ tools, web_search_options: search }: Body): boolean {
  if (isGiven(search)) return true;
  return Array.isArray(tools) && tools.some((tool) => !isRecord(tool) || !CALLERS_TOOLS.has(String(tool.type)));
}

const isGiven = (value: unknown) => value !== undefined && value !== null;
const isNonEmpty = (value: unknown) => Array.isArray(value) && value.length > 0;
const no = (why: string): Verdict => ({ cacheable: false, why });
const yes = (why: string): Verdict => ({ cacheable: true, why });
