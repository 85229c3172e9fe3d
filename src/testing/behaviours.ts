import type { RecordedRequest } from './recorder.js';

/** Milliseconds, or a function that draws them from the provider's `random` (0 to 1, 1 excluded). */
export type Latency = number | ((random: () => number) => number);

/** A tool call in a fake answer. */
export interface ToolCall {
  readonly name: string;
  /** An object is sent as JSON; a string is sent unchanged, even broken JSON. @default {} */
  readonly arguments?: Readonly<Record<string, unknown>> | string;
  /** @default made from the answer's id */
  readonly id?: string;
}

/** The usage that a fake answer reports, in tokens. */
export interface AnswerUsage {
  /** @default a quarter of the input's characters */
  readonly inputTokens?: number;
  /** @default a quarter of the output's characters */
  readonly outputTokens?: number;
  /** Part of `inputTokens`. @default 0 */
  readonly cachedInputTokens?: number;
  /** Part of `outputTokens`. @default a quarter of `reasoning`'s characters */
  readonly reasoningTokens?: number;
  /** The provider's own fields, in addition to the usual ones. @default none */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Options of every behaviour. */
export interface Timing {
  /** Milliseconds until the headers. @default 0 */
  readonly latencyMs?: Latency;
  /** Continue after the caller's abort, like a broken transport. `fakeFetch` only. @default the fake's own */
  readonly ignoreAbort?: boolean;
  /** Response headers, in addition to or instead of the usual ones. @default none */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A good answer; the faults that break one have these options too. */
export interface AnswerOptions extends Timing {
  /** The text. @default one that fits the request: JSON for a `response_format`, else a sentence that names the model */
  readonly content?: string | ((request: RecordedRequest) => string);
  /** The number of chunks of a streamed text, or the chunks themselves. @default 4 */
  readonly chunks?: number | readonly string[];
  /** Milliseconds between two chunks of a stream. @default 0 */
  readonly chunkMs?: Latency;
  /** Reasoning before the text: `reasoning_content` in chat, a reasoning item in responses. */
  readonly reasoning?: string;
  /** Tool calls. @default none */
  readonly toolCalls?: readonly ToolCall[];
  /** A refusal instead of the text. */
  readonly refusal?: string;
  /**
   * The finish reason in chat's terms; `null` omits it. In responses `length` and `content_filter` are `incomplete`,
   * `error` is `failed`. @default 'stop', or 'tool_calls'
   */
  readonly finishReason?: string | null;
  /** `false` omits usage. */
  readonly usage?: AnswerUsage | false;
  /** Log probability of each token, if the request wants them; the last entry of a list repeats. @default -0.1 */
  readonly logprob?: number | readonly number[];
  /** The model in the answer. @default the fake's `servedModels`, else the requested one */
  readonly servedModel?: string;
  /** Sent as the JSON of a plain answer, instead of everything above. */
  readonly body?: unknown;
}

/** A good answer. */
export interface Answer extends AnswerOptions {
  readonly type: 'answer';
}

/** The fields of OpenAI's error body. Missing fields get OpenAI's own values for the status. */
export interface ErrorFields {
  readonly code?: string | null;
  readonly type?: string;
  readonly message?: string;
  readonly param?: string | null;
}

/** An error status. */
export interface Fail extends Timing {
  readonly type: 'fail';
  readonly status: number;
  readonly error: ErrorFields;
  /** Replaces OpenAI's error body: a string is sent as `text/plain`, anything else as JSON. */
  readonly body?: unknown;
}

/** Never answers, not even with headers. */
export interface Hang extends Timing {
  readonly type: 'hang';
}

/** The connection is reset before the headers. */
export interface Reset extends Timing {
  readonly type: 'reset';
}

/** Where a good answer breaks: after some of its chunks, at a byte, or at a share of its bytes. */
export type BreakAt = { readonly chunks: number } | { readonly byte: number } | { readonly share: number };

/** How a body ends: normally, by a closed or a reset connection, or never. */
export type Ending = 'end' | 'close' | 'reset' | 'hang';

/** A good answer that breaks off: the connection is closed or reset, the body ends cleanly, or nothing more comes. */
export interface BreakOff extends AnswerOptions {
  readonly type: 'break-off';
  readonly at: BreakAt;
  readonly ending: Ending;
}

/** A good answer with a pause in it, and what follows the pause. */
export interface Stall extends AnswerOptions {
  readonly type: 'stall';
  readonly afterChunks: number;
  readonly stallMs: number;
}

/** A good stream without its `[DONE]`, or without its finish event. */
export interface LeaveOut extends AnswerOptions {
  readonly type: 'leave-out';
  readonly part: 'done' | 'finish';
}

/** A good stream that an error event ends; a plain answer is 200 with an `error`. */
export interface ErrorInStream extends AnswerOptions {
  readonly type: 'error-event';
  readonly afterChunks: number;
  readonly error: ErrorFields;
}

/** A good stream with a line of broken JSON in it; a plain answer is broken JSON. */
export interface Malformed extends AnswerOptions {
  readonly type: 'malformed';
  readonly afterChunks: number;
}

/** The right answer in the wrong form: JSON as `text/plain`, or one JSON body for a request that wants a stream. */
export interface WrongType extends AnswerOptions {
  readonly type: 'wrong-type';
}

/** Bytes in the text that are not valid UTF-8. */
export interface InvalidUtf8 extends AnswerOptions {
  readonly type: 'invalid-utf8';
}

/** A good answer, a few bytes at a time. */
export interface SlowDrip extends AnswerOptions {
  readonly type: 'slow-drip';
  readonly bytesPerMs: number;
}

/** Keep-alive data before a good answer: SSE comments, or empty lines before JSON. */
export interface CommentFlood extends AnswerOptions {
  readonly type: 'comment-flood';
  readonly count: number;
  readonly stepMs: number;
}

/** 200 and no body, with the content type that the request expects. */
export interface Empty extends Timing {
  readonly type: 'empty';
}

/** A response defined byte by byte, regardless of the request. */
export interface Bytes extends Timing {
  readonly type: 'bytes';
  readonly status: number;
  readonly chunks: readonly (string | Uint8Array)[];
  readonly chunkMs: Latency;
  /** Sends only this many bytes. */
  readonly cutAt: number;
  readonly ending: Ending;
}

/** A good answer, or one with a fault in it. */
export type AnswerLike =
  | Answer
  | BreakOff
  | Stall
  | LeaveOut
  | ErrorInStream
  | Malformed
  | WrongType
  | InvalidUtf8
  | SlowDrip
  | CommentFlood;

/** A model's response to one request. The functions in `constructors.ts` create it. */
export type Behaviour = AnswerLike | Fail | Hang | Reset | Empty | Bytes;
