import type { ModelRouter, RouterSettings } from 'model-router';
import type { FakeOptions, FakeProvider, Script } from 'model-router/testing';
import type { ClientOptions, OpenAI } from 'openai';

/** What a call has at hand beside its client. */
export interface Scene {
  /** The `model` to send so that this model of the fake answers: its own name, or that of a route to it. */
  readonly m: (model: string) => string;
  readonly fake: FakeProvider;
  /** Resolves when the fake has so many requests running. @default 1 */
  readonly arrived: (count?: number) => Promise<void>;
}

/** What a call came to, in values that can be compared. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
  /** What the provider received, in order. */
  readonly requests: readonly Readonly<Record<string, unknown>>[];
}

/** The clients that a call is made on. The first is the measure. */
export type Door =
  | 'plain client'
  | 'router of one client'
  | 'router with routes'
  | 'router with options beside its clients';

export interface ParityCase {
  readonly name: string;
  readonly run: (client: OpenAI | ModelRouter, scene: Scene) => PromiseLike<unknown>;
  /** Models of the fake beside the usual ones. */
  readonly models?: Readonly<Record<string, Script>>;
  readonly fake?: Omit<FakeOptions, 'models'>;
  /** The same for all clients; a function of the fake's URL where it needs that. */
  readonly client?: ClientOptions | ((url: string) => ClientOptions);
  /** For the routers alone: what a plain client has no word for. */
  readonly router?: RouterSettings;
  /** Only one version of the SDK has what this call needs. */
  readonly only?: { readonly sdk: 6 | 7; readonly why: string };
  /** A difference that is meant: what the router gives instead. */
  readonly differs?: { readonly why: string; readonly to: (plain: Outcome, door: Door) => Outcome };
}
