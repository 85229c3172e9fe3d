import { invalidOption } from '../util/check.js';
import type {
  Answer,
  AnswerOptions,
  BreakAt,
  BreakOff,
  Bytes,
  CommentFlood,
  Empty,
  Ending,
  ErrorFields,
  ErrorInStream,
  Fail,
  Hang,
  InvalidUtf8,
  Latency,
  LeaveOut,
  Malformed,
  Reset,
  SlowDrip,
  Stall,
  Timing,
  WrongType,
} from './behaviours.js';
import { checkAnswer, checkFail, checkTiming } from './check-behaviour.js';

/** Where a fault strikes: after some chunks of the answer, or at a byte of its body. */
export interface FaultOptions extends AnswerOptions {
  /** The fault comes after this many chunks of the answer. @default 1 */
  readonly afterChunks?: number;
  /** The fault comes at this byte of the body, instead. @default none */
  readonly atByte?: number;
}

/**
 * A good answer. `answer('Hello')` is short for `answer({ content: 'Hello' })`.
 *
 * @throws InvalidOptionError for a wrong option, as all of these functions do
 */
export function answer(options: AnswerOptions | string = {}): Answer {
  if (typeof options === 'string') return { type: 'answer', content: options };
  checkAnswer('answer', options);
  return { type: 'answer', ...options };
}

/** Options of `fail`. */
export interface FailOptions extends Timing, ErrorFields {
  /** Replaces OpenAI's error body: a string is sent as `text/plain`, anything else as JSON. */
  readonly body?: unknown;
}

/** An error status, with OpenAI's error body unless `body` is set. */
export function fail(status: number, options: FailOptions = {}): Fail {
  checkFail(status, options);
  const { code, type, message, param, ...rest } = options;
  const error: ErrorFields = {
    ...(code !== undefined && { code }),
    ...(type !== undefined && { type }),
    ...(message !== undefined && { message }),
    ...(param !== undefined && { param }),
  };
  return { type: 'fail', status, error, ...rest };
}

/** Accepts the request and never answers, not even with headers. */
export function hang(options: Timing = {}): Hang {
  checkTiming('hang', options);
  return { ...options, type: 'hang' };
}

/** Sends headers, then no byte of the body. */
export function hangAfterHeaders(options: AnswerOptions = {}): BreakOff {
  checkAnswer('hangAfterHeaders', options);
  return { ...options, type: 'break-off', at: { byte: 0 }, ending: 'hang' };
}

/** The connection is reset before the headers: `fetch failed`, ECONNRESET. */
export function reset(options: Timing = {}): Reset {
  checkTiming('reset', options);
  return { ...options, type: 'reset' };
}

/** The connection is reset within the body: `terminated`, ECONNRESET. */
export function resetMidBody(options: FaultOptions = {}): BreakOff {
  return breakOff('resetMidBody', options, 'reset');
}

/** The connection is closed within the body: `terminated`, UND_ERR_SOCKET. */
export function cut(options: FaultOptions = {}): BreakOff {
  return breakOff('cut', options, 'close');
}

/** The body ends cleanly but too early: a stream without `finish_reason` and `[DONE]`, half of a JSON text. */
export function endEarly(options: FaultOptions = {}): BreakOff {
  return breakOff('endEarly', options, 'end');
}

/** The body ends cleanly in the middle of a JSON text or of a line of the stream: at a byte, or at half of its bytes. */
export function truncated(given: AnswerOptions & { readonly atByte?: number } = {}): BreakOff {
  checkAnswer('truncated', given, ['atByte']);
  const { atByte, ...options } = given;
  return {
    ...options,
    type: 'break-off',
    at: atByte === undefined ? { share: 0.5 } : { byte: atByte },
    ending: 'end',
  };
}

function breakOff(name: string, given: FaultOptions, ending: Ending): BreakOff {
  checkAnswer(name, given, ['afterChunks', 'atByte']);
  const { afterChunks = 1, atByte, ...options } = given;
  const at: BreakAt = atByte === undefined ? { chunks: afterChunks } : { byte: atByte };
  return { ...options, type: 'break-off', at, ending };
}

/** A pause of `ms` (@default forever) after this many chunks (@default 1), then the rest. */
export function stall(given: AnswerOptions & { readonly afterChunks?: number; readonly ms?: number } = {}): Stall {
  checkAnswer('stall', given, ['afterChunks', 'ms']);
  const { afterChunks = 1, ms = Number.POSITIVE_INFINITY, ...options } = given;
  return { ...options, type: 'stall', afterChunks, stallMs: ms };
}

/** A stream without its last line, `[DONE]`. A stream of `/responses` has none; a plain answer is complete. */
export function noDone(options: AnswerOptions = {}): LeaveOut {
  checkAnswer('noDone', options);
  return { ...options, type: 'leave-out', part: 'done' };
}

/** A stream without `finish_reason` but with `[DONE]`; of `/responses`, without `response.completed`. A plain answer has `finish_reason: null`. */
export function noFinishReason(options: AnswerOptions = {}): LeaveOut {
  checkAnswer('noFinishReason', options);
  return { ...options, type: 'leave-out', part: 'finish' };
}

/** An error event after this many chunks (@default 1), which ends the stream. A plain answer is 200 with an `error`. */
export function errorEvent(
  given: AnswerOptions & { readonly afterChunks?: number; readonly error?: ErrorFields } = {},
): ErrorInStream {
  checkAnswer('errorEvent', given, ['afterChunks', 'error']);
  const { afterChunks = 1, error = {}, ...options } = given;
  return { ...options, type: 'error-event', afterChunks, error };
}

/** Broken JSON: an event of the stream after this many chunks (@default 1), or the body of a plain answer. */
export function malformed(given: AnswerOptions & { readonly afterChunks?: number } = {}): Malformed {
  checkAnswer('malformed', given, ['afterChunks']);
  const { afterChunks = 1, ...options } = given;
  return { ...options, type: 'malformed', afterChunks };
}

/** The right answer in the wrong form: JSON labelled `text/plain`; one JSON body for a request that wants a stream. */
export function wrongType(options: AnswerOptions = {}): WrongType {
  checkAnswer('wrongType', options);
  return { ...options, type: 'wrong-type' };
}

/** A good answer whose text contains bytes that are not valid UTF-8. */
export function invalidUtf8(options: AnswerOptions = {}): InvalidUtf8 {
  checkAnswer('invalidUtf8', options);
  return { ...options, type: 'invalid-utf8' };
}

/** A good answer at this many bytes per millisecond (@default 1; 0.1 is one byte in 10 ms). */
export function slowDrip(given: AnswerOptions & { readonly bytesPerMs?: number } = {}): SlowDrip {
  checkAnswer('slowDrip', given, ['bytesPerMs']);
  const { bytesPerMs = 1, ...options } = given;
  return { ...options, type: 'slow-drip', bytesPerMs };
}

/**
 * This many SSE comments (@default endless), one per `stepMs` (@default 100), before a good answer; empty lines before
 * JSON. An endless flood needs a pause, because its reader would get no turn.
 */
export function commentFlood(
  given: AnswerOptions & { readonly count?: number; readonly stepMs?: number } = {},
): CommentFlood {
  checkAnswer('commentFlood', given, ['count', 'stepMs']);
  const { count = Number.POSITIVE_INFINITY, stepMs = 100, ...options } = given;
  if (count === Number.POSITIVE_INFINITY && stepMs === 0)
    invalidOption('commentFlood.stepMs', stepMs, 'milliseconds above 0, or a `count`');
  return { ...options, type: 'comment-flood', count, stepMs };
}

/** 200 with an empty body. */
export function empty(options: Timing = {}): Empty {
  checkTiming('empty', options);
  return { ...options, type: 'empty' };
}

/** A web page with status 200, as from a misplaced proxy or a login wall. */
export function html(given: Timing & { readonly status?: number } = {}): Bytes {
  checkTiming('html', given, ['status']);
  const { status = 200, ...options } = given;
  const page = '<!doctype html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n';
  return bytes({ ...options, status, headers: { 'content-type': 'text/html', ...options.headers }, chunks: [page] });
}

/** An error with a body of this many bytes (@default 10,000,000). */
export function hugeError(given: Timing & { readonly status?: number; readonly bytes?: number } = {}): Bytes {
  checkTiming('hugeError', given, ['status', 'bytes']);
  const { status = 500, bytes: size = 10_000_000, ...options } = given;
  const open = '{"error":{"type":"server_error","param":null,"code":null,"message":"';
  const close = '"}}';
  const filling = Math.max(0, size - open.length - close.length);
  const block = 'x'.repeat(65_536);
  const blocks = Array.from({ length: Math.floor(filling / block.length) }, () => block);
  return bytes({
    ...options,
    status,
    headers: { 'content-type': 'application/json', ...options.headers },
    chunks: [open, ...blocks, block.slice(0, filling % block.length), close],
  });
}

/** Options of `bytes`. */
export interface BytesOptions extends Timing {
  /** The HTTP status. @default 200 */
  readonly status?: number;
  /** The body, chunk by chunk. */
  readonly chunks: readonly (string | Uint8Array)[];
  /** Milliseconds between two chunks. @default 0 */
  readonly chunkMs?: Latency;
  /** Send only this many bytes. @default all */
  readonly cutAt?: number;
  /** What follows the bytes. @default 'end', or 'close' if `cutAt` is set */
  readonly ending?: Ending;
}

/** A response defined byte by byte, for example a recorded one. It adds only `x-request-id`. */
export function bytes(given: BytesOptions): Bytes {
  checkTiming('bytes', given, ['status', 'chunks', 'chunkMs', 'cutAt', 'ending']);
  const { status = 200, chunkMs = 0, cutAt, ending, ...options } = given;
  return {
    ...options,
    type: 'bytes',
    status,
    chunkMs,
    cutAt: cutAt ?? Number.POSITIVE_INFINITY,
    ending: ending ?? (cutAt === undefined ? 'end' : 'close'),
  };
}
