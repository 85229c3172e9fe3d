import { randomHex } from '../util/random-hex.js';
import type { Behaviour } from './behaviours.js';
import { answer, fail } from './constructors.js';
import { KeyRing, masked } from './credentials.js';
import { type Account, decide } from './decision.js';
import { type Found, find, locate } from './endpoints/table.js';
import type { FakeOptions } from './fake-options.js';
import { asBoolean, asObject, asString } from './json.js';
import { Player, type Sink } from './player.js';
import type { ReceivedBody } from './received-body.js';
import { type OpenRequest, Recorder } from './recorder.js';
import { type RunningScript, ScriptBook } from './script.js';
import type { Step } from './step.js';
import { Store } from './store.js';
import { type Reply, timeline } from './timeline.js';

/** A request as an entry point received it. */
interface Incoming extends ReceivedBody {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A recorded request, and its script's answer. */
interface Exchange {
  readonly request: OpenRequest;
  readonly steps: Iterator<Step>;
  readonly ignoreAbort: boolean | undefined;
}

/** The provider behind both entry points: it decides the answers, and does not depend on sockets or `fetch`. */
export class Upstream {
  readonly recorder: Recorder;
  readonly scripts: ScriptBook;
  readonly #account: Account;
  readonly #random: () => number;
  readonly #name: string;
  readonly #live = new Set<Player>();
  #ids = 0;

  constructor(options: FakeOptions) {
    const { models = {}, unknownModels = 'refuse', withoutModel = answer() } = options;
    this.recorder = new Recorder(options.keep ?? Number.POSITIVE_INFINITY);
    this.scripts = new ScriptBook(models, unknownModels, withoutModel);
    this.#random = options.random ?? (() => Math.random());
    this.#name = options.name ?? randomHex().slice(0, 8);
    this.#account = {
      scripts: this.scripts,
      keys: new KeyRing(options.apiKeys),
      store: new Store(),
      servedModels: new Map(Object.entries(options.servedModels ?? {})),
      newId: (prefix) => this.#newId(prefix),
    };
  }

  receive(incoming: Incoming): Exchange {
    const { method, url, headers, body } = incoming;
    const { endpoint, deployment } = locate(url.pathname);
    const found = find(method, endpoint);
    const { model = this.#usualModel(found), stream, stream_format: format } = asObject(body);
    const request = this.recorder.start({
      method,
      path: url.pathname,
      endpoint,
      query: url.search === '' ? {} : masked(Object.fromEntries(url.searchParams)),
      headers: masked(headers),
      apiKeyOf: this.#account.keys.nameOf(headers),
      body,
      model: deployment ?? asString(model),
      stream: asBoolean(stream) || format === 'sse',
    });
    const { script, reply } = decide(request, found, incoming, this.#account);
    const behaviour = script === undefined ? answer() : behaviourOf(script, request);
    return { request, steps: this.#steps(behaviour, reply), ignoreAbort: behaviour.ignoreAbort };
  }

  /** Plays an exchange to its client. */
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

  /** Ends all running exchanges. */
  close(): void {
    for (const player of [...this.#live]) player.cut();
  }

  #newId(prefix: string): string {
    this.#ids += 1;
    return `${prefix}${this.#name}${this.#ids.toString(36).padStart(6, '0')}`;
  }

  /** The model for a request that names none, if one has a script. */
  #usualModel(found: Found): string | undefined {
    const usual = found.kind === 'model' ? found.endpoint.defaultModel : undefined;
    return usual !== undefined && this.scripts.has(usual) ? usual : undefined;
  }

  /** An error thrown by a script's own function reaches the client as a server error. */
  *#steps(behaviour: Behaviour, reply: Reply): Generator<Step> {
    const options = { random: this.#random, requestId: this.#newId('req_') };
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

function behaviourOf(script: RunningScript, request: OpenRequest): Behaviour {
  try {
    return script.next(request);
  } catch (thrown) {
    return scriptError(thrown);
  }
}

function scriptError(thrown: unknown): Behaviour {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return fail(500, {
    message: `The script of the fake provider has thrown: ${said}`,
    code: 'fake_script_error',
    headers: { 'x-should-retry': 'false' },
  });
}
