import { randomUUID } from 'node:crypto';
import type { AnswerOptions, Behaviour, ErrorFields } from './behaviours.js';
import { answer, fail } from './constructors.js';
import { KeyRing, masked } from './credentials.js';
import { json, type ModelCall, type ModelEndpoint, type Plain } from './endpoints/endpoint.js';
import { unknownModel } from './endpoints/models.js';
import { type Found, find, locate } from './endpoints/table.js';
import { errorBody } from './error-body.js';
import type { FakeOptions } from './fake-options.js';
import { asBoolean, asObject, asString } from './json.js';
import { Player, type Sink } from './player.js';
import type { ReceivedBody } from './received-body.js';
import { type OpenRequest, Recorder } from './recorder.js';
import { type RunningScript, ScriptBook } from './script.js';
import { sse } from './sse.js';
import type { Step } from './step.js';
import { Store } from './store.js';
import { type Reply, timeline } from './timeline.js';

/** A request as a door has received it. */
export interface Incoming extends ReceivedBody {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A request that has been recorded, and what its script makes of it. */
export interface Exchange {
  readonly request: OpenRequest;
  readonly steps: Iterator<Step>;
  readonly ignoreAbort: boolean | undefined;
}

/** The provider behind both doors: it knows what to answer, and nothing of sockets or `fetch`. */
export class Upstream {
  readonly recorder: Recorder;
  readonly scripts: ScriptBook;
  readonly #store = new Store();
  readonly #keys: KeyRing;
  readonly #servedModels: ReadonlyMap<string, string>;
  readonly #random: () => number;
  readonly #name: string;
  readonly #live = new Set<Player>();
  #ids = 0;

  constructor(options: FakeOptions) {
    const { models = {}, unknownModels = 'refuse', withoutModel = answer() } = options;
    this.scripts = new ScriptBook(models, unknownModels, withoutModel);
    this.recorder = new Recorder(options.keep ?? Number.POSITIVE_INFINITY);
    this.#keys = new KeyRing(options.apiKeys);
    this.#servedModels = new Map(Object.entries(options.servedModels ?? {}));
    this.#random = options.random ?? Math.random;
    this.#name = options.name ?? randomUUID().slice(0, 8);
  }

  receive(incoming: Incoming): Exchange {
    const { method, url, headers, body } = incoming;
    const { endpoint, deployment } = locate(url.pathname);
    const found = find(method, endpoint);
    const { model = deployment ?? this.#usualModel(found), stream, stream_format: format } = asObject(body);
    const request = this.recorder.start({
      method,
      path: url.pathname,
      endpoint,
      query: url.search === '' ? {} : masked(Object.fromEntries(url.searchParams)),
      headers: masked(headers),
      apiKeyOf: this.#keys.nameOf(headers),
      body,
      model: asString(model),
      stream: asBoolean(stream) || format === 'sse',
    });
    const { script, reply } = this.#decide(request, found, incoming);
    const behaviour = script === undefined ? answer() : behaviourOf(script, request);
    return { request, steps: this.#steps(behaviour, reply), ignoreAbort: behaviour.ignoreAbort };
  }

  /** Plays an exchange to where its client hears it. */
  play({ request, steps }: Exchange, sink: Sink): Player {
    const player = new Player(steps, sink, {
      status: (status) => {
        request.status = status;
      },
      over: (outcome) => {
        this.#live.delete(player);
        this.recorder.end(request, outcome);
      },
    });
    this.#live.add(player);
    return player;
  }

  /** Cuts off all that runs. */
  close(): void {
    for (const player of [...this.#live]) player.cut();
  }

  readonly newId = (prefix: string): string => {
    this.#ids += 1;
    return `${prefix}${this.#name}${this.#ids.toString(36).padStart(6, '0')}`;
  };

  #usualModel(found: Found): string | undefined {
    const usual = found.kind === 'model' ? found.endpoint.defaultModel : undefined;
    return usual !== undefined && this.scripts.has(usual) ? usual : undefined;
  }

  /** Refusals are answered without a script: they are the provider's own. */
  #decide(request: OpenRequest, found: Found, { body, files, invalid, method, url }: Incoming): Decision {
    if (this.#keys.isLocked && request.apiKeyOf === undefined) return refusal(error(401));
    if (found.kind === 'nothing') return refusal(error(404, { message: `Invalid URL (${method} ${url.pathname})` }));
    if (found.kind === 'other-method') {
      return refusal(error(405, { message: `Not allowed to ${method} on ${url.pathname}.` }));
    }
    if (invalid) return refusal(error(400, { message: 'We could not parse the body of your request.' }));
    const common = { request, body: asObject(body), store: this.#store, newId: this.newId };
    if (found.kind === 'model') return this.#decideModel(found.endpoint, common);
    const { handler, id, part } = found;
    return {
      script: this.scripts.of(undefined),
      reply: whole(() => handler({ ...common, files, scripts: this.scripts }, id, part)),
    };
  }

  #decideModel(endpoint: ModelEndpoint, common: Omit<ModelCall, 'answer' | 'model' | 'servedModel'>): Decision {
    const { request, body } = common;
    const has = (name: string) => body[name] !== undefined || (name === 'model' && request.model !== undefined);
    const missing = endpoint.required.find((name) => !has(name));
    if (missing !== undefined) {
      const message = `Missing required parameter: '${missing}'.`;
      return refusal(error(400, { message, param: missing, code: 'missing_required_parameter' }));
    }
    const script = this.scripts.of(request.model);
    if (script === undefined) return refusal(unknownModel(request.model ?? ''));
    const refused = endpoint.refuse?.(body, this.#store);
    if (refused !== undefined) return refusal(refused);

    const model = request.model ?? endpoint.defaultModel ?? '';
    const served = this.#servedModels.get(model) ?? model;
    const callOf = (answer: AnswerOptions): ModelCall => ({
      ...common,
      answer,
      model,
      servedModel: answer.servedModel ?? served,
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

  /** What a script's own functions throw is told to the client as an error of the server. */
  *#steps(behaviour: Behaviour, reply: Reply): Generator<Step> {
    const options = { random: this.#random, requestId: this.newId('req_') };
    let isOpen = false;
    try {
      for (const step of timeline(behaviour, reply, options)) {
        isOpen ||= step.type === 'headers';
        yield step;
      }
    } catch (thrown) {
      if (isOpen) yield { type: 'destroy', how: 'close' };
      else yield* timeline(scriptError(thrown), reply, options);
    }
  }
}

/** What answers a request. Without a script it is just answered. */
interface Decision {
  readonly script: RunningScript | undefined;
  readonly reply: Reply;
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

function behaviourOf(script: RunningScript, request: OpenRequest): Behaviour {
  try {
    return script.next(request);
  } catch (thrown) {
    return scriptError(thrown);
  }
}

function scriptError(thrown: unknown): Behaviour {
  const message = `The script of the fake provider has thrown: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  return fail(500, { message, code: 'fake_script_error', headers: { 'x-should-retry': 'false' } });
}
