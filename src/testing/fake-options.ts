import type { ApiKeys } from './credentials.js';
import type { Models, Script } from './script.js';

/** Options of both fakes. */
export interface FakeOptions {
  /** What each model does. A list of names is models that answer. @default none */
  readonly models?: Models;
  /** Models that are not listed: 404, a good answer, or a script of their own. @default 'refuse' */
  readonly unknownModels?: 'refuse' | 'answer' | Script;
  /** What happens to requests that name no model: lists, files, jobs. @default a good answer */
  readonly withoutModel?: Script;
  /** The model that answers name, by the requested model. @default the requested one */
  readonly servedModels?: Readonly<Record<string, string>>;
  /** Anything but these keys is a 401. A record gives each key the name that requests are recorded with. @default any key will do */
  readonly apiKeys?: ApiKeys;
  /** Where latencies are drawn from. @default Math.random */
  readonly random?: () => number;
  /** How many requests to keep in `requests`; the newest ones. @default all */
  readonly keep?: number;
  /** A part of every id that the fake makes up, so that two fakes never give the same. @default a random one */
  readonly name?: string;
}
