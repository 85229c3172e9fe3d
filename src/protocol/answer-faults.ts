import { isRecord } from '../util/is-record.js';
import { CUT_FINISH, FAILED_FINISH } from './provider-errors.js';

type Json = Record<string, unknown>;

/**
 * The error in a body or event of status 200, in any form; `undefined` if there is none. `isAnswer`: it has an answer's
 * fields; otherwise a message or a code also counts as an error.
 */
export function errorIn(data: Json, isAnswer: boolean): unknown {
  if (saysSomething(data.error)) return { error: data.error };
  if (isRecord(data.base_resp) && isFailure(data.base_resp.status_code)) return { base_resp: data.base_resp };
  if (data.object === 'error' || data.type === 'error' || data.success === false) return data;
  return !isAnswer && ERROR_FIELDS.some((name) => saysSomething(data[name])) ? data : undefined;
}

const ERROR_FIELDS = ['message', 'msg', 'detail', 'errors', 'error_code', 'error_msg'];

/** For a response that failed and does not say why. */
export const RESPONSE_FAILED = { error: { message: 'The response failed.', code: 'server_error' } };

/** Some servers send an empty `error` with each answer. */
function saysSomething(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'number') return value !== 0;
  if (!isRecord(value)) return value === true;
  const { message, code, type } = value;
  return [message, code, type].some((each) => each !== undefined && each !== null && each !== '' && each !== 0);
}

const isFailure = (code: unknown) => code !== undefined && code !== null && Number(code) !== 0;

/** The finish reason of a choice that failed, whatever else it contains; `undefined` for any other. */
export function failedFinishOf(choice: unknown): string | undefined {
  if (!isRecord(choice)) return undefined;
  const { finish_reason: reason, native_finish_reason: native } = choice;
  if (isFailedReason(reason)) return reason;
  return isFailedReason(native) ? native : undefined;
}

function isFailedReason(reason: unknown): reason is string {
  return typeof reason === 'string' && reason.length <= 64 && FAILED_FINISH.test(reason.toLowerCase());
}

/**
 * Whether a finish reason says why there may be no content: the answer was filtered, or cut. Gemini then sends a choice
 * without a message.
 */
export function explainsNoContent(reason: unknown): boolean {
  return typeof reason === 'string' && CUT_FINISH.test(reason);
}

/** Finish reasons after which an answer of 0 tokens is empty; an unknown one may say why. */
const USUAL_ENDS: ReadonlySet<unknown> = new Set([
  undefined,
  null,
  '',
  'stop',
  'eos',
  'end_turn',
  'tool_calls',
  'function_call',
]);

/** Whether nothing was generated, according to the usage. An answer that was cut or filtered is not empty. */
export function hasNothing(choices: readonly unknown[], usage: unknown): boolean {
  return isRecord(usage) && usage.completion_tokens === 0 && choices.every(isBlank);
}

function isBlank(choice: unknown): boolean {
  if (!isRecord(choice) || !USUAL_ENDS.has(choice.finish_reason)) return false;
  return isRecord(choice.message) ? Object.entries(choice.message).every(isBlankField) : !hasContent(choice.text);
}

const isBlankField = ([name, value]: [string, unknown]) => name === 'role' || !hasContent(value);

function hasContent(value: unknown): boolean {
  return typeof value === 'string' || Array.isArray(value) ? value.length > 0 : isRecord(value);
}

/** Whether an item of an answer to `/embeddings` has an empty vector. Vectors of other shapes pass. */
export function hasEmptyVector({ embedding }: Json): boolean {
  return embedding === null || ((typeof embedding === 'string' || Array.isArray(embedding)) && embedding.length === 0);
}
