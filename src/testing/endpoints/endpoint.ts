import type { AnswerOptions } from '../behaviours.js';
import type { JsonObject } from '../json.js';
import type { RecordedRequest } from '../recorder.js';
import type { Store } from '../store.js';

/**
 * The part of a stream that an event belongs to: before the content, content, after it, the finish event, usage,
 * `[DONE]`. Faults occur between content events.
 */
export type Part = 'start' | 'content' | 'close' | 'finish' | 'usage' | 'done';

export interface StreamEvent {
  readonly part: Part;
  readonly text: string;
}

/** A whole response. */
export interface Plain {
  /** @default 200 */
  readonly status?: number;
  /** @default 'application/json' */
  readonly contentType?: string;
  readonly body: string | Uint8Array;
}

/** One request to a model, and its script's answer. */
export interface ModelCall {
  readonly request: RecordedRequest;
  readonly body: JsonObject;
  readonly answer: AnswerOptions;
  /** The requested model. */
  readonly model: string;
  /** The model in the answer. */
  readonly servedModel: string;
  readonly newId: (prefix: string) => string;
  readonly store: Store;
}

/** A `POST` that a model answers. */
export interface ModelEndpoint {
  readonly path: string;
  readonly required: readonly string[];
  /** The model for requests that need not name one. */
  readonly defaultModel?: string;
  /** Returns what is wrong with a request, if anything, as a status and OpenAI's error fields. */
  readonly refuse?: (body: JsonObject, store: Store) => Plain | undefined;
  readonly plain: (call: ModelCall) => Plain;
  readonly events?: (call: ModelCall) => Iterable<StreamEvent>;
  /** An error within a stream. @default `data: {"error": …}` */
  readonly errorEvent?: (error: JsonObject, eventsBefore: number) => string;
}

export function json(value: unknown, status = 200): Plain {
  return { status, body: JSON.stringify(value) };
}
