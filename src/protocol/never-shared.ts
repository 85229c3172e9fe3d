import type { Protocol } from '../types.js';
import { isGiven, isRecord } from '../util/is-record.js';

type Body = Readonly<Record<string, unknown>>;

/** Tools of these types run at the caller. Any other tool runs on the server, and may have side effects. */
const CALLERS_TOOLS = new Set(['function', 'custom']);

/**
 * Why a request must reach one upstream only, for one caller: it stores or uses something there. Returns words, without
 * any part of the request. Such a call is never cached, joined or hedged.
 */
export function whyNeverShared(protocol: Protocol, body: Body): string | undefined {
  if (isGiven(body.conversation) || isGiven(body.previous_response_id))
    return 'it continues a conversation that is stored on the server';
  if (body.background === true) return 'it runs in the background';
  if (protocol === 'responses' && body.store !== false)
    return 'the server stores its response, unless `store` is false';
  if (protocol === 'chat' && body.store === true) return 'the server stores its completion (`store`)';
  return hasServerTools(body) ? 'it uses tools that run on the server' : undefined;
}

function hasServerTools({ tools, web_search_options: search }: Body): boolean {
  if (isGiven(search)) return true;
  return Array.isArray(tools) && tools.some((tool) => !isRecord(tool) || !CALLERS_TOOLS.has(String(tool.type)));
}
