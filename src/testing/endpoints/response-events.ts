import type { AnswerOptions } from '../behaviours.js';
import { asArray, asObject, asString, type JsonObject } from '../json.js';
import { sse } from '../sse.js';
import { countTokens, piecesOf, tokensOf } from '../tokens.js';
import type { Part, StreamEvent } from './endpoint.js';

interface Options {
  readonly chunks?: AnswerOptions['chunks'];
  readonly logprob?: AnswerOptions['logprob'];
  /** Omit the event that reports the end. */
  readonly unfinished?: boolean;
}

/** The part of an event, its name, and its fields without `type` and `sequence_number`. */
type Emitted = readonly [part: Part, type: string, fields: JsonObject];

/** The stream events of a finished response, in the order of the real API. */
export function* responseEvents(response: JsonObject, options: Options = {}): Generator<StreamEvent> {
  let sequence = 0;
  for (const [part, type, fields] of eventsOf(response, options)) {
    yield { part, text: sse({ type, sequence_number: sequence, ...fields }, type) };
    sequence += 1;
  }
}

function* eventsOf(response: JsonObject, options: Options): Generator<Emitted> {
  const blank = { ...response, status: 'in_progress', output: [], usage: null, completed_at: null, error: null };
  const start = { ...blank, incomplete_details: null };
  yield ['start', 'response.created', { response: start }];
  yield ['start', 'response.in_progress', { response: start }];
  for (const [index, value] of asArray(response.output).entries()) {
    const item = asObject(value);
    yield ['start', 'response.output_item.added', { output_index: index, item: { ...item, ...emptyItem(item) } }];
    yield* itemEvents(item, { item_id: item.id, output_index: index }, options);
    yield ['close', 'response.output_item.done', { output_index: index, item }];
  }
  if (!options.unfinished) yield ['finish', `response.${String(response.status)}`, { response }];
}

/** An item before its content. */
function emptyItem(item: JsonObject): JsonObject {
  switch (item.type) {
    case 'reasoning':
      return { summary: [] };
    case 'function_call':
      return { status: 'in_progress', arguments: '' };
    default:
      return { status: 'in_progress', content: [] };
  }
}

function itemEvents(item: JsonObject, at: JsonObject, options: Options): Iterable<Emitted> {
  switch (item.type) {
    case 'reasoning':
      return reasoningEvents(asObject(asArray(item.summary)[0]), { ...at, summary_index: 0 }, options);
    case 'function_call':
      return callEvents(item, at);
    default:
      return partEvents(asObject(asArray(item.content)[0]), { ...at, content_index: 0 }, options);
  }
}

function* reasoningEvents(part: JsonObject, at: JsonObject, { chunks }: Options): Generator<Emitted> {
  const text = asString(part.text) ?? '';
  yield ['start', 'response.reasoning_summary_part.added', { ...at, part: { ...part, text: '' } }];
  for (const delta of piecesOf(text, countOf(chunks))) {
    yield ['content', 'response.reasoning_summary_text.delta', { ...at, delta }];
  }
  yield ['close', 'response.reasoning_summary_text.done', { ...at, text }];
  yield ['close', 'response.reasoning_summary_part.done', { ...at, part }];
}

function* callEvents(item: JsonObject, at: JsonObject): Generator<Emitted> {
  const text = asString(item.arguments) ?? '';
  for (const delta of piecesOf(text, 2)) {
    yield ['content', 'response.function_call_arguments.delta', { ...at, delta }];
  }
  yield ['close', 'response.function_call_arguments.done', { ...at, name: item.name, arguments: text }];
}

function* partEvents(part: JsonObject, at: JsonObject, { chunks, logprob }: Options): Generator<Emitted> {
  const refusal = asString(part.refusal);
  if (refusal !== undefined) {
    yield ['start', 'response.content_part.added', { ...at, part: { ...part, refusal: '' } }];
    for (const delta of piecesOf(refusal, countOf(chunks)))
      yield ['content', 'response.refusal.delta', { ...at, delta }];
    yield ['close', 'response.refusal.done', { ...at, refusal }];
  } else {
    const text = asString(part.text) ?? '';
    const withLogprobs = asArray(part.logprobs).length > 0;
    yield ['start', 'response.content_part.added', { ...at, part: { ...part, logprobs: [], text: '' } }];
    let tokens = 0;
    for (const delta of text === '' ? [] : piecesOf(text, chunks)) {
      const logprobs = withLogprobs ? tokensOf(delta, logprob, tokens) : [];
      tokens += countTokens(delta);
      yield ['content', 'response.output_text.delta', { ...at, delta, logprobs }];
    }
    yield ['close', 'response.output_text.done', { ...at, text, logprobs: part.logprobs ?? [] }];
  }
  yield ['close', 'response.content_part.done', { ...at, part }];
}

function countOf(chunks: AnswerOptions['chunks']): number | undefined {
  return typeof chunks === 'number' ? chunks : undefined;
}
