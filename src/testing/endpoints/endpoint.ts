import type { AnswerOptions } from '../behaviours.js';
import type { JsonObject } from '../json.js';
import type { RecordedRequest } from '../recorder.js';
import type { Store } from '../store.js';

/**
 * Which part of a stream an event is: before the content, content, after it, the one that says that the answer is
 * finished, usage, `[DONE]`. Faults strike between content events.
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

/** One request to a model, and what its script wants said. */
export interface ModelCall {
  readonly request: RecordedRequest;
  readonly body: JsonObject;
  readonly answer: AnswerOptions;
  /** As requested. */
  readonly model: string;
  /** As the answer names it. */
  readonly servedModel: string;
  readonly newId: (prefix: string) => string;
  readonly store: Store;
}

/** A `POST` that a model answers. */
export interface ModelEndpoint {
  readonly path: string;
  readonly required: readonly string[];
  /** The model where the request need not name one. */
  readonly defaultModel?: string;
  /** What is wrong with a request, as a status and OpenAI's error fields, if anything. */
  readonly refuse?: (body: JsonObject, store: Store) => Plain | undefined;
  readonly plain: (call: ModelCall) => Plain;
  readonly events?: (call: ModelCall) => Iterable<StreamEvent>;
  /** An error within a stream. @default `data: {"error": …}` */
  readonly errorEvent?: (error: JsonObject, eventsBefore: number) => string;
}

export function json(value: unknown, status = 200): Plain {
  return { status, body: JSON.stringify(value) };
}
