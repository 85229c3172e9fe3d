import type { ApiKeys } from './credentials.js';
import type { Models, Script } from './script.js';

/** Options of both fakes. */
export interface FakeOptions {
  /** The script of each model. A list of names means models that answer. @default none */
  readonly models?: Models;
  /** Unlisted models: 404, a good answer, or their own script. @default 'refuse' */
  readonly unknownModels?: 'refuse' | 'answer' | Script;
  /** The script for requests without a model: lists, files, jobs. @default a good answer */
  readonly withoutModel?: Script;
  /** The `model` in answers, by the requested model. @default the requested one */
  readonly servedModels?: Readonly<Record<string, string>>;
  /** Any other key is a 401. In a record, the names appear in recorded requests. @default any key */
  readonly apiKeys?: ApiKeys;
  /** The random source for latencies. @default Math.random */
  readonly random?: () => number;
  /** How many requests to keep in `requests`, the newest ones. @default all */
  readonly keep?: number;
  /** A part of every generated id, so that two fakes never generate the same. @default a random one */
  readonly name?: string;
}
