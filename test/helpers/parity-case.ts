import type { ModelRouter, RouterSettings } from 'model-router';
import type { FakeOptions, FakeProvider, Script } from 'model-router/testing';
import type { ClientOptions, OpenAI } from 'openai';

/** What a case can use in addition to its client. */
export interface Scene {
  /** The `model` to send so that this model of the fake answers: its own name, or that of a route to it. */
  readonly m: (model: string) => string;
  readonly fake: FakeProvider;
  /** Resolves when the fake has this many requests running. @default 1 */
  readonly arrived: (count?: number) => Promise<void>;
}

/** The result of a call, in comparable values. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
  /** What the provider received, in order. */
  readonly requests: readonly Readonly<Record<string, unknown>>[];
}

/** The clients on which a call is made. The first is the reference. */
export type Door =
  | 'plain client'
  | 'router of one client'
  | 'router with routes'
  | 'router with options beside its clients';

export interface ParityCase {
  readonly name: string;
  readonly run: (client: OpenAI | ModelRouter, scene: Scene) => PromiseLike<unknown>;
  /** Models of the fake in addition to the usual ones. */
  readonly models?: Readonly<Record<string, Script>>;
  readonly fake?: Omit<FakeOptions, 'models'>;
  /** The same for all clients; a function of the fake's URL if it needs that. */
  readonly client?: ClientOptions | ((url: string) => ClientOptions);
  /** For routers only: options that a plain client does not have. */
  readonly router?: RouterSettings;
  /** Only one version of the SDK supports this call. */
  readonly only?: { readonly sdk: 6 | 7; readonly why: string };
  /** An intended difference: the router's own result. */
  readonly differs?: { readonly why: string; readonly to: (plain: Outcome, door: Door) => Outcome };
}
