import type { OpenAI } from 'openai';
import type { ClientSpec, RouterOptions, SingleClientOptions } from '../options/options.js';
import { answer } from '../testing/constructors.js';
import { type FakeFetch, fakeFetch } from '../testing/fake-fetch.js';
import type { Choose } from '../testing/script.js';
import { isRecord } from '../util/is-record.js';
import type { FaultBook } from './fault-book.js';
import { seededRandom, seedFor } from './seeded-random.js';

type Fetch = typeof globalThis.fetch;

/** What the factory of a simulated router is given. */
export interface Stage {
  /**
   * The same options, with upstreams that only pretend: each client gets a `fetch` without a network and a key that is
   * none (environment variables may be missing), and the router the simulation's `random`.
   */
  readonly offline: <T extends RouterOptions | SingleClientOptions>(options: T) => T;
  /** A `fetch` for clients that you build yourself. Where two clients serve one model by the same name, use `offline`. */
  readonly fetch: Fetch;
  /** The simulation's source of chance. */
  readonly random: () => number;
}

/** A router's deployments, by id: which client sends which model. */
export type Routable = Readonly<Record<string, { readonly client: string; readonly model: string | null }>>;

const KEY = 'sk-simulated';
const BASE_URL = 'https://api.openai.com/v1';
/** Other ways to say who is calling: some of them would ask a server for a token. */
const CREDENTIALS = ['adminAPIKey', 'workloadIdentity', 'credential', 'provider'];

/** The upstreams of one run: every request of its clients ends here. */
export class Upstreams implements Stage {
  readonly random: () => number;
  readonly fetch: Fetch;
  /** Requests that have reached an upstream. */
  count = 0;
  readonly #book: FaultBook;
  readonly #seed: number;
  readonly #onRequest: () => void;
  /** The deployment by client and model, and by model alone; filled once the router is there. */
  readonly #byClient = new Map<string, string>();
  readonly #byModel = new Map<string, string | undefined>();
  /** What went wrong with the simulation itself. */
  problem: Error | undefined;

  constructor(book: FaultBook, seed: number, onRequest: () => void) {
    this.#book = book;
    this.#seed = seed;
    this.#onRequest = onRequest;
    this.random = seededRandom(seedFor(seed, 'router'));
    this.fetch = this.fetchOf(undefined);
  }

  readonly offline = <T extends RouterOptions | SingleClientOptions>(options: T): T => {
    const { random } = this;
    if (options.clients === undefined) return { ...options, ...this.#clientOptions(options, 'default'), random };
    const clients = Object.entries(options.clients).map(([name, spec]) => [name, this.#client(name, spec)]);
    return { ...options, clients: Object.fromEntries(clients), random };
  };

  /** A `fetch` of the client of that name; without one, the deployment is known by the model alone. */
  fetchOf(client: string | undefined): FakeFetch {
    const name = client ?? 'any';
    const choose: Choose = (request) => {
      this.count += 1;
      this.#onRequest();
      return this.#book.behaviour(this.#deploymentOf(client, request.model), request);
    };
    const random = seededRandom(seedFor(this.#seed, 'upstream', name));
    return fakeFetch({ unknownModels: choose, withoutModel: answer(), keep: 0, name: `${name}-`, random });
  }

  /** Which request is for which deployment is known from the router. */
  learn(deployments: Routable): void {
    for (const [id, { client, model }] of Object.entries(deployments)) {
      this.#byClient.set(keyOf(client, model ?? undefined), id);
      if (model !== null) this.#byModel.set(model, this.#byModel.has(model) ? undefined : id);
    }
  }

  #deploymentOf(client: string | undefined, model: string | undefined): string {
    if (client !== undefined) return this.#byClient.get(keyOf(client, model)) ?? `${client}/*`;
    const id = model === undefined ? undefined : this.#byModel.get(model);
    if (id !== undefined) return id;
    this.problem ??= new Error(
      `The simulation cannot tell which deployment serves the model ${JSON.stringify(model)}: none does, or several do. Build the router from offline(options).`,
    );
    throw this.problem;
  }

  #client(name: string, spec: ClientSpec): ClientSpec {
    if (!isClient(spec)) return { ...spec, ...this.#clientOptions(spec, name) };
    const fetch = this.fetchOf(name);
    if (!('apiVersion' in spec)) return spec.withOptions({ apiKey: KEY, fetch });
    // Azure's client of SDK 6 forgets its own options in `withOptions`.
    const { apiVersion, deploymentName }: { apiVersion?: unknown; deploymentName?: unknown } = spec;
    return spec.withOptions({ fetch, ...{ apiVersion, deployment: deploymentName } });
  }

  #clientOptions(spec: object, name: string): { apiKey: string; baseURL: string; fetch: Fetch } {
    const baseURL: unknown = Reflect.get(spec, 'baseURL');
    const none = Object.fromEntries(CREDENTIALS.filter((key) => key in spec).map((key) => [key, null]));
    return {
      ...none,
      apiKey: KEY,
      baseURL: typeof baseURL === 'string' && baseURL !== '' ? baseURL : BASE_URL,
      fetch: this.fetchOf(name),
    };
  }
}

const keyOf = (client: string, model: string | undefined) => JSON.stringify([client, model]);

/** By shape, as an application may have two copies of the SDK. */
function isClient(spec: ClientSpec): spec is OpenAI {
  return isRecord(spec) && typeof spec['request'] === 'function' && typeof spec['withOptions'] === 'function';
}
