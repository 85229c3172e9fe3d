import type { AnswerOptions, ErrorFields } from './behaviours.js';
import type { KeyRing } from './credentials.js';
import { json, type ModelCall, type ModelEndpoint, type Plain } from './endpoints/endpoint.js';
import { unknownModel } from './endpoints/models.js';
import type { Found } from './endpoints/table.js';
import { errorBody } from './error-body.js';
import { asObject } from './json.js';
import type { ReceivedBody } from './received-body.js';
import type { RecordedRequest } from './recorder.js';
import type { RunningScript, ScriptBook } from './script.js';
import { sse } from './sse.js';
import type { Store } from './store.js';
import type { Reply } from './timeline.js';

/** The state on which a provider bases its decisions. */
export interface Account {
  readonly scripts: ScriptBook;
  readonly keys: KeyRing;
  readonly store: Store;
  readonly servedModels: ReadonlyMap<string, string>;
  readonly newId: (prefix: string) => string;
}

/** Who answers a request. Without a script it is the provider's own answer, which no script can change. */
interface Decision {
  readonly script: RunningScript | undefined;
  readonly reply: Reply;
}

/** Refuses invalid requests, in the order of the real API; else selects what answers the request. */
export function decide(request: RecordedRequest, found: Found, received: ReceivedBody, account: Account): Decision {
  const { method, path } = request;
  if (account.keys.isLocked && request.apiKeyOf === undefined) return refusal(error(401));
  if (found.kind === 'nothing') return refusal(error(404, { message: `Invalid URL (${method} ${path})` }));
  if (found.kind === 'other-method') return refusal(error(405, { message: `Not allowed to ${method} on ${path}.` }));
  if (received.invalid) return refusal(error(400, { message: 'We could not parse the body of your request.' }));
  if (found.kind === 'model') return decideModel(request, found.endpoint, account);
  const { handler, id, part } = found;
  const { scripts, store, newId } = account;
  const call = { request, body: asObject(request.body), files: received.files, store, scripts, newId };
  return { script: scripts.of(undefined), reply: whole(() => handler(call, id, part)) };
}

function decideModel(request: RecordedRequest, endpoint: ModelEndpoint, account: Account): Decision {
  const { scripts, store, servedModels, newId } = account;
  const body = asObject(request.body);
  const has = (name: string) => body[name] !== undefined || (name === 'model' && request.model !== undefined);
  const missing = endpoint.required.find((name) => !has(name));
  if (missing !== undefined) {
    const message = `Missing required parameter: '${missing}'.`;
    return refusal(error(400, { message, param: missing, code: 'missing_required_parameter' }));
  }
  const script = scripts.of(request.model);
  if (script === undefined) return refusal(unknownModel(request.model ?? ''));
  const refused = endpoint.refuse?.(body, store);
  if (refused !== undefined) return refusal(refused);

  const model = request.model ?? endpoint.defaultModel ?? '';
  const served = servedModels.get(model) ?? model;
  const callOf = (answer: AnswerOptions): ModelCall => ({
    request,
    body,
    answer,
    model,
    servedModel: answer.servedModel ?? served,
    newId,
    store,
  });
  return {
    script,
    reply: {
      stream: request.stream && endpoint.events !== undefined,
      plain: (answer) => (answer.body === undefined ? endpoint.plain(callOf(answer)) : json(answer.body)),
      events: (answer) => endpoint.events?.(callOf(answer)) ?? [],
      errorEvent: endpoint.errorEvent ?? plainErrorEvent,
    },
  };
}

const plainErrorEvent: Reply['errorEvent'] = (fields) => sse({ error: fields });

function whole(plain: () => Plain): Reply {
  return { stream: false, plain, events: () => [], errorEvent: plainErrorEvent };
}

function refusal(plain: Plain): Decision {
  return { script: undefined, reply: whole(() => plain) };
}

function error(status: number, fields?: ErrorFields): Plain {
  return json(errorBody(status, fields), status);
}
