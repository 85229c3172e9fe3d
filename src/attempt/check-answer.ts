import { classify, embeddedError, invalidAnswer, type Reading } from '../classify.js';
import {
  errorIn,
  explainsNoContent,
  failedFinishOf,
  hasEmptyVector,
  hasNothing,
  RESPONSE_FAILED,
} from '../protocol/answer-faults.js';
import type { Call, Protocol, UpstreamAnswer } from '../types.js';
import { isEventStream } from '../util/event-stream.js';
import { isRecord } from '../util/is-record.js';

/** The field that an answer must have. */
const REQUIRED: Readonly<Partial<Record<Protocol, string>>> = {
  chat: 'choices',
  completions: 'choices',
  embeddings: 'data',
};
/** Most other answers have one of these fields: images, moderations and transcripts. */
const USUAL = ['data', 'results', 'text', 'segments'];

/** Throws for a 200 that is empty, has text instead of JSON, or contains an error: it is a failure like any other. */
export function checkAnswer(
  { protocol, body }: Pick<Call, 'protocol' | 'body'>,
  { data, headers }: UpstreamAnswer,
  reading: Reading,
): void {
  // The body requests a stream, but the request options do not: a plain client returns its text.
  if (requestsStream(body) && typeof data === 'string' && data !== '' && isEventStream(headers)) return;
  if (data === undefined || data === null) throw invalidAnswer('with an empty body');
  if (protocol === 'binary') return;
  if (protocol === 'text' && typeof data === 'string' && !isPage(data, headers)) return;
  const required = REQUIRED[protocol];
  if (Array.isArray(data) && isRecord(data[0]) && isRecord(data[0].error)) {
    throw embeddedError(data[0], headers, 'invalid-answer', reading);
  }
  if (!isRecord(data)) throw invalidAnswer('with something other than a JSON object');
  if (protocol === 'responses') return checkResponse(data, headers, reading);
  const found = required === undefined ? undefined : data[required];
  const isAnswer = required === undefined ? USUAL.some((name) => hasContent(data[name])) : Array.isArray(found);
  const error = errorIn(data, isAnswer);
  if (error !== undefined) throw embeddedError(error, headers, 'invalid-answer', reading);
  if (required === undefined) return;
  if (!Array.isArray(found)) throw invalidAnswer(`without \`${required}\``);
  if (found.length === 0) throw invalidAnswer(protocol === 'embeddings' ? 'without a vector' : 'without a choice');
  if (!found.every(isRecord)) throw invalidAnswer(`with something other than objects in \`${required}\``);
  // Ollama has sent empty vectors (garrytan/gbrain#328).
  if (protocol === 'embeddings') {
    if (found.some(hasEmptyVector)) throw invalidAnswer('with an empty vector');
  } else checkChoices(protocol, found, data, headers, reading);
}

const hasContent = (value: unknown) => Array.isArray(value) || typeof value === 'string';

/** A page from a proxy or a portal. whisper.cpp labels its plain transcripts like one: ggml-org/whisper.cpp#3458 */
const isPage = (text: string, headers: Headers) =>
  /^text\/html\b/i.test(headers.get('content-type') ?? '') && /^\s*<(?:[!?]|[a-z][a-z0-9]*[\s/>])/i.test(text);

function requestsStream(body: unknown): boolean {
  if (body instanceof FormData) return body.get('stream') === 'true';
  return isRecord(body) && Boolean(body.stream);
}

function checkChoices(
  protocol: Protocol,
  choices: readonly Record<string, unknown>[],
  data: Record<string, unknown>,
  headers: Headers,
  reading: Reading,
): void {
  for (const choice of choices) {
    if (failedFinishOf(choice) !== undefined) throw invalidAnswer('its finish reason says that it failed');
    const error = errorIn(choice, true);
    if (error !== undefined) throw embeddedError(error, headers, 'invalid-answer', reading);
    if (protocol === 'chat' && !isRecord(choice.message) && !explainsNoContent(choice.finish_reason))
      throw invalidAnswer('with a choice without a message');
  }
  if (hasNothing(choices, data.usage)) throw invalidAnswer('with nothing in it');
}

/** A response that failed on the server is a failure. If the caller caused it, the caller gets it unchanged. */
function checkResponse(data: Record<string, unknown>, headers: Headers, reading: Reading): void {
  const { status } = data;
  const isAnswer = status !== undefined || Array.isArray(data.output);
  const error = errorIn(data, isAnswer) ?? (status === 'failed' ? RESPONSE_FAILED : undefined);
  if (error === undefined && !isAnswer) throw invalidAnswer('without `output`');
  if (error === undefined || (status !== undefined && status !== 'failed')) return;
  const found = embeddedError(error, headers, status === undefined ? 'invalid-answer' : 'server-error', reading);
  if (status === undefined || classify(found, 0, 0).failover !== 'no') throw found;
}
