import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';

type Body = Readonly<Record<string, unknown>>;

/** A Responses request includes this to get the probabilities of its answer's tokens. */
const INCLUDED = 'message.output_text.logprobs';

/** Whether the caller requested them. */
export function wantsLogprobs(protocol: Protocol, body: unknown): boolean {
  if (!isRecord(body)) return false;
  if (protocol === 'responses') return Array.isArray(body.include) && body.include.includes(INCLUDED);
  return body.logprobs === true;
}

/** The body with a request for them: for chat, or for Responses, which have no `logprobs`. */
export function withLogprobs(body: Body): Body {
  if ('messages' in body) return { ...body, logprobs: true };
  return { ...body, include: [...(Array.isArray(body.include) ? body.include : []), INCLUDED] };
}

/** Removes them from an answer or a chunk whose caller did not request them. */
export function removeLogprobs(value: unknown): void {
  if (!isRecord(value)) return;
  for (const choice of listOf(value.choices)) if ('logprobs' in choice) choice.logprobs = null;
  // Events of Responses contain a part, an item, a whole response, or a piece of text.
  if (Array.isArray(value.logprobs)) value.logprobs = [];
  for (const name of ['part', 'item', 'response']) removeLogprobs(value[name]);
  for (const name of ['content', 'output']) for (const each of listOf(value[name])) removeLogprobs(each);
}

const listOf = (value: unknown) => (Array.isArray(value) ? value.filter(isRecord) : []);
