import type { OpenAI } from 'openai';
import type { ModelRouter } from '../model-router.js';
import type { RouterOptions, SingleClientOptions } from '../options/options.js';
import type { Script } from '../testing/script.js';

/** What the factory of a simulated router is given. */
export interface SimulationContext {
  /**
   * The same options, with upstreams that only pretend: each client gets a `fetch` without a network and a key that is
   * none (environment variables may be missing), and the router the simulation's `random`.
   */
  readonly offline: <T extends RouterOptions | SingleClientOptions>(options: T) => T;
  /** A `fetch` for clients that you build yourself. Where two clients serve one model by the same name, use `offline`. */
  readonly fetch: typeof globalThis.fetch;
  /** The simulation's source of randomness. */
  readonly random: () => number;
}

/** A kind of call in the traffic. */
export interface SimulatedCall {
  /** A route, a deployment or `'auto'`. @default the router's first route, else its first deployment */
  readonly model?: string | undefined;
  /** @default 'chat' */
  readonly endpoint?: 'chat' | 'responses' | 'embeddings' | undefined;
  /** Further fields of the body; a function is given the number of the call, from 0. @default a short question, another one for each call */
  readonly body?: Readonly<Record<string, unknown>> | ((call: number) => Readonly<Record<string, unknown>>) | undefined;
  /** Options of the call, as `create` takes them: `callOptions({ deadlineMs: 2000 })`. */
  readonly options?: OpenAI.RequestOptions | undefined;
}

/** One kind of call among others. */
export interface TrafficShare extends SimulatedCall {
  /** Its weight, relative to the others. @default 1 */
  readonly share?: number | undefined;
  /** How many of these calls are streams, 0 to 1. @default 0 */
  readonly streamShare?: number | undefined;
}

/** Calls at a rate. */
export interface SteadyTraffic extends Omit<TrafficShare, 'share'> {
  readonly perSecond: number;
  readonly durationMs: number;
  /** At random, like independent callers, or at even intervals. @default 'poisson' */
  readonly arrivals?: 'poisson' | 'even' | undefined;
  /** Several kinds of calls, in place of one. */
  readonly mix?: readonly TrafficShare[] | undefined;
}

/** One call at its time. */
export interface PlannedCall extends SimulatedCall {
  /** Milliseconds from the start. */
  readonly atMs: number;
  /** @default false */
  readonly stream?: boolean | undefined;
}

/** Calls at times of their own. */
export interface PlannedTraffic {
  readonly calls: readonly PlannedCall[];
}

/** The calls of a simulation: at a steady rate, or one by one. */
export type Traffic = SteadyTraffic | PlannedTraffic;

/** What goes wrong, where, and when. */
export interface SimulatedFault {
  /** The deployment that it strikes, or several. */
  readonly at: string | readonly string[];
  /** A behaviour of the kit, `hang()` or `fail(503)`; a list is taken one after the other; a function decides for each request. */
  readonly behavior: Script;
  /** How many requests it strikes, 0 to 1. @default 1 */
  readonly share?: number | undefined;
  /** Milliseconds from the start. @default 0 */
  readonly fromMs?: number | undefined;
  /** @default until the end */
  readonly toMs?: number | undefined;
  /**
   * A cause that deployments have in common: `share` is drawn once for each burst of so many milliseconds, and then it
   * strikes all of `at` for as long. @default drawn for each request by itself
   */
  readonly burstMs?: number | undefined;
}

/** The same traffic and faults on a plain client, to compare with. */
export interface BaselineOptions {
  /** The SDK's own option. @default 2 */
  readonly maxRetries?: number | undefined;
  /** The SDK's own option, in milliseconds: one attempt's time. @default 600_000 */
  readonly timeoutMs?: number | undefined;
}

/** Options of `simulate`. */
export interface SimulateOptions {
  /** Builds the router, from your own options: `({ offline }) => new ModelRouter(offline(options))`. It is closed at the end. */
  readonly router: (context: SimulationContext) => ModelRouter | Promise<ModelRouter>;
  /** The calls that are made. */
  readonly traffic: Traffic;
  /** What deployments do while nothing is wrong, by id. @default a good answer, lognormal with a median of 350 ms and sigma 0.45 */
  readonly upstreams?: Readonly<Record<string, Script>> | undefined;
  /** The first of the list that strikes a request decides. @default none */
  readonly faults?: readonly SimulatedFault[] | undefined;
  /** Also send the same traffic to the plain client of each call's first deployment. @default false */
  readonly baseline?: boolean | BaselineOptions | undefined;
  /** The same seed gives the same result. @default 1 */
  readonly seed?: number | undefined;
  /** Milliseconds of one step of `series`. @default a 60th of the traffic's time, at least 1000 */
  readonly stepMs?: number | undefined;
  /** How many failed calls to return with their records; the first ones. @default 20 */
  readonly maxFailedCalls?: number | undefined;
  /** Called from time to time with the progress, 0 to 1. @default none */
  readonly onProgress?: ((share: number) => void) | undefined;
}
