import type { OpenAI } from 'openai';
import type { ModelRouter } from '../model-router.js';
import type { RouterOptions, SingleClientOptions } from '../options/options.js';
import type { Script } from '../testing/script.js';

/** The argument of the function that creates a simulated router. */
export interface SimulationContext {
  /**
   * Returns the same options with simulated upstreams: each client gets a `fetch` without a network and a placeholder
   * key, because environment variables may be missing, and the router gets the simulation's `random`.
   */
  readonly offline: <T extends RouterOptions | SingleClientOptions>(options: T) => T;
  /**
   * A `fetch` for clients that you build yourself. If two clients serve one model under the same name, use `offline`.
   */
  readonly fetch: typeof globalThis.fetch;
  /** The simulation's random source. */
  readonly random: () => number;
}

/** A kind of call in the traffic. */
export interface SimulatedCall {
  /** A route, a deployment or `'auto'`. @default the router's first route, else its first deployment */
  readonly model?: string | undefined;
  /** @default 'chat' */
  readonly endpoint?: 'chat' | 'responses' | 'embeddings' | undefined;
  /**
   * Further fields of the body; a function gets the number of the call, from 0. @default a short question, different
   * for each call
   */
  readonly body?: Readonly<Record<string, unknown>> | ((call: number) => Readonly<Record<string, unknown>>) | undefined;
  /** Options of the call, as for `create`: `callOptions({ deadlineMs: 2000 })`. */
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
  /** Several kinds of calls instead of one. */
  readonly mix?: readonly TrafficShare[] | undefined;
}

/** One call at a given time. */
export interface PlannedCall extends SimulatedCall {
  /** Milliseconds from the start. */
  readonly atMs: number;
  /** @default false */
  readonly stream?: boolean | undefined;
}

/** Calls at given times. */
export interface PlannedTraffic {
  readonly calls: readonly PlannedCall[];
}

/** The calls of a simulation: at a steady rate, or one by one. */
export type Traffic = SteadyTraffic | PlannedTraffic;

/** A fault: what fails, where, and when. */
export interface SimulatedFault {
  /** The deployments that it affects. */
  readonly at: string | readonly string[];
  /**
   * A behaviour from the testing kit, `hang()` or `fail(503)`. A list is used in order; a function decides for each
   * request.
   */
  readonly behavior: Script;
  /** The share of requests that it affects, 0 to 1. @default 1 */
  readonly share?: number | undefined;
  /** Milliseconds from the start. @default 0 */
  readonly fromMs?: number | undefined;
  /** @default until the end */
  readonly toMs?: number | undefined;
  /**
   * A cause that deployments share: `share` is drawn once for each burst of this many milliseconds, and then affects
   * all of `at` for that time. @default drawn separately for each request
   */
  readonly burstMs?: number | undefined;
}

/** A plain client with the same traffic and faults, for comparison. */
export interface BaselineOptions {
  /** The SDK's own option. @default 2 */
  readonly maxRetries?: number | undefined;
  /** The SDK's own option, in milliseconds: time for one attempt. @default 600_000 */
  readonly timeoutMs?: number | undefined;
}

/** Options of `simulate`. */
export interface SimulateOptions {
  /**
   * Builds the router from your own options: `({ offline }) => new ModelRouter(offline(options))`. The simulation
   * closes it.
   */
  readonly router: (context: SimulationContext) => ModelRouter | Promise<ModelRouter>;
  /** The calls to make. */
  readonly traffic: Traffic;
  /**
   * The behaviour of deployments without a fault, by id. @default a good answer, lognormal with a median of 350 ms and
   * sigma 0.45
   */
  readonly upstreams?: Readonly<Record<string, Script>> | undefined;
  /** The first fault in the list that affects a request applies. @default none */
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
