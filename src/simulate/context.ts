import type { RouterOptions, SingleClientOptions } from '../options/options.js';
import { answer } from '../testing/constructors.js';
import { type FakeFetch, fakeFetch } from '../testing/fake-fetch.js';
import { offlineClients } from '../testing/offline.js';
import type { Choose } from '../testing/script.js';
import type { FaultBook } from './fault-book.js';
import type { SimulationContext } from './options.js';
import { seededRandom, seedFor } from './seeded-random.js';

type Fetch = typeof globalThis.fetch;

/** A router's deployments, by id, with the client and model of each. */
export type Routable = Readonly<Record<string, { readonly client: string; readonly model: string | null }>>;

/** The upstreams of one run, which receive every request of the clients. */
export class Upstreams implements SimulationContext {
  readonly random: () => number;
  readonly fetch: Fetch;
  /** The number of requests that have reached an upstream. */
  count = 0;
  readonly #book: FaultBook;
  readonly #seed: number;
  readonly #onRequest: () => void;
  /** Deployments by client and model, and by model alone. Filled in once the router exists. */
  readonly #byClient = new Map<string, string>();
  readonly #byModel = new Map<string, string | undefined>();
  /** An error of the simulation itself. */
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
    return { ...offlineClients(options, (client) => this.fetchOf(client)), random };
  };

  /** A `fetch` for the client with that name. Without a name, the model alone selects the deployment. */
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

  /** Learns from the router which request belongs to which deployment. */
  setDeployments(deployments: Routable): void {
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
      `The simulation cannot determine which deployment serves the model ${JSON.stringify(model)}: none does, or several do. Build the router from offline(options).`,
    );
    throw this.problem;
  }
}

const keyOf = (client: string, model: string | undefined) => JSON.stringify([client, model]);
