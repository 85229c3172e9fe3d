import { errorBody } from '../error-body.js';
import type { JsonObject } from '../json.js';
import type { RecordedRequest } from '../recorder.js';
import type { ScriptBook } from '../script.js';
import type { Store } from '../store.js';
import { json, type Plain } from './endpoint.js';

/**
 * One request about stored objects of an account: files, jobs, stored responses, the list of models. No model answers
 * it.
 */
interface AccountCall {
  readonly request: RecordedRequest;
  readonly body: JsonObject;
  /** Each file of the form, by its field. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly store: Store;
  readonly scripts: ScriptBook;
  readonly newId: (prefix: string) => string;
}

/** Answers one method on one path; `id` and `part` are the values of `:id` and `:part` in it. */
export type AccountHandler = (call: AccountCall, id: string, part: string) => Plain;

/** By method and path: `GET /files/:id`. */
export type AccountEndpoints = Readonly<Record<string, AccountHandler>>;

export function notFound(what: string, id: string): Plain {
  return json(errorBody(404, { message: `No ${what} found with id '${id}'.` }), 404);
}

export function badRequest(message: string, param: string | null = null): Plain {
  return json(errorBody(400, { message, param }), 400);
}

/** The answer for an object that may not exist. */
export function found(object: JsonObject | undefined, what: string, id: string): Plain {
  return object === undefined ? notFound(what, id) : json(object);
}
