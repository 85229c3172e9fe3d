import { InvalidOptionError } from '../errors.js';
import { ERROR_OUTCOMES, type ErrorOutcome } from '../protocol/error-outcomes.js';
import type { HedgeAfter } from '../telemetry/record-types.js';
import {
  checkMs,
  checkNumber,
  checkOneOf,
  checkRecord,
  checkString,
  checkStrings,
  checkWhole,
  invalidOption,
  MAX_MS,
  show,
} from '../util/check.js';
import { type CacheOption, cacheSettings, checkCache } from './check-cache.js';

/**
 * Options of one call. Set them on the constructor, on a route, with `withOptions` or in the call itself: the nearest
 * to the call wins. `undefined` is ignored, so you can pass options conditionally. Only `tenant` and `regions` throw an
 * InvalidOptionError if they are `undefined`, so that a missing value cannot mix tenants or leave a region.
 *
 * @example
 * await router.chat.completions.create(body, { ...callOptions({ priority: 'premium', deadlineMs: 10_000 }) });
 */
export interface CallOptions {
  /** `'standard'`, `'premium'` (also as `'high'`) or one of `priorities`. Chooses the route of `model: 'auto'`. @default 'standard' */
  priority?: string | undefined;
  /** Time for the whole call in milliseconds: all attempts and waits; for a stream, until its first content. @default 120_000 */
  deadlineMs?: number | undefined;
  /** Time for one attempt in milliseconds, body included. @default the rest of the deadline, less a reserve for the next deployment */
  attemptTimeoutMs?: number | undefined;
  /** Time until a stream's first content in milliseconds, from the start of an attempt. @default the attempt's time */
  firstChunkTimeoutMs?: number | undefined;
  /** The longest gap between two chunks of a stream after its first content, in milliseconds. @default 30_000; image streams: none */
  chunkTimeoutMs?: number | undefined;
  /**
   * The longest duration of a stream, in milliseconds, from the start of its attempt. A longer stream ends with a
   * StreamInterruptedError, even if chunks still arrive. @default no limit
   */
  maxStreamMs?: number | undefined;
  /** Attempts that a call may make over all deployments, the first included. 1 means no failover. @default 3 */
  maxAttempts?: number | undefined;
  /**
   * Also sends the call to the next deployment if there is no answer (for a stream: no content) by then: a number of
   * milliseconds, or a live percentile of the first deployment's own times. The first valid answer wins. @default false
   */
  hedgeAfterMs?: HedgeAfter | false | undefined;
  /** Residency: only deployments in one of these regions are used. @default all */
  regions?: readonly string[];
  /**
   * Outcomes or statuses that fail over to the next deployment although they are final by default: `['caller-error',
   * 'content-filter', 400]`. @default none
   */
  failoverOn?: readonly (ErrorOutcome | number)[] | undefined;
  /**
   * What may be answered from the cache, or by an identical call in flight: `'idempotent'` (calls with `temperature: 0`
   * or a `seed`, and embeddings), `true` (every call), or an object with more settings. @default false
   */
  cache?: CacheOption;
  /**
   * The customer or user of the call: answers are shared within a tenant only, budgets can be per tenant. @default one
   * for all
   */
  tenant?: string;
  /** US dollars that the call may cost, all attempts together. A call that could cost more is refused. @default no limit */
  maxCostUsd?: number | undefined;
  /**
   * What to do with a call that could cost more than `maxCostUsd` or than is left of a budget: refuse it, or skip the
   * deployments that are too expensive and go on with cheaper ones. @default 'refuse'
   */
  overBudget?: 'refuse' | 'skip' | undefined;
  /**
   * A user's or conversation's key, on a weighted route: equal keys always get the same variant. Under
   * `lowest-latency`, it also keeps the calls of one key together, so that prompt caches stay warm. The key is hashed,
   * never stored or logged.
   * @default none
   */
  assignmentKey?: string | undefined;
  /** Tokens. A call with a larger estimated input fails with `TokenBudgetExceededError`; nothing is sent. @default no limit */
  maxInputTokens?: number | undefined;
  /**
   * Keeps the platform alive for work in the background: refreshing a stale answer, storing one. Pass `ctx.waitUntil`
   * bound to its context, on Cloudflare Workers and Vercel. @default none: the platform may end background work early
   */
  waitUntil?: WaitUntil | undefined;
  /**
   * Plain strings for the call's record, for your logs and metrics. They are not sent.
   * @default the strings of the body's own `metadata`
   */
  metadata?: Readonly<Record<string, string>> | undefined;
}

/** The platform's own function. It keeps the process alive until `promise` settles, after the response was sent. */
export type WaitUntil = (promise: Promise<unknown>) => void;

/** Options that only make sense for a single call. */
export interface SingleCallOptions extends CallOptions {
  /** Uses this route, whatever `model` says. @default the route that `model` names, if any */
  route?: string | undefined;
}

/** The priorities that a check needs. */
export type Priorities = ReadonlyMap<string, unknown>;

/** One row of the table: everything that the router knows about an option of a call. */
interface CallOption {
  /**
   * Throws InvalidOptionError for an invalid value. `at` is the option's path in the message. Never called with
   * `undefined`.
   */
  readonly check: (at: string, value: unknown, priorities: Priorities) => unknown;
  /** Its value if it is not set. */
  readonly default: unknown;
  /** Converts it to the setting that the engine reads. @default the value itself */
  readonly read?: (value: never, priorities: Priorities) => unknown;
  /** Only for a single call, not for the constructor, a route or a view. */
  readonly onlyInCall?: true;
  /** Makes `undefined` an error; the text names the value that may be missing. */
  readonly neverUndefined?: string;
}

/**
 * START HERE to add an option of a call: one entry in this table, one docblock in `CallOptions` above. Keys, checks,
 * defaults, the places where it may be set, and the settings of a call follow from it.
 */
export const CALL_OPTIONS = {
  priority: { check: checkPriority, default: 'standard', read: priorityOf },
  deadlineMs: { check: checkMs, default: 120_000 },
  attemptTimeoutMs: { check: checkMs, default: undefined },
  firstChunkTimeoutMs: { check: checkMs, default: undefined },
  chunkTimeoutMs: { check: checkMs, default: 30_000 },
  maxStreamMs: { check: checkMs, default: undefined },
  maxAttempts: { check: atLeastOne, default: 3 },
  hedgeAfterMs: { check: checkHedge, default: false, read: (after: HedgeAfter | false) => after || undefined },
  failoverOn: {
    check: checkFailoverOn,
    default: undefined,
    read: (on: CallOptions['failoverOn']): ReadonlySet<string | number> | undefined => on && new Set(on),
  },
  regions: {
    check: checkRegions,
    default: undefined,
    read: (regions: readonly string[] | undefined): ReadonlySet<string> | undefined => regions && new Set(regions),
    neverUndefined: 'region',
  },
  cache: { check: checkCache, default: false, read: cacheSettings },
  tenant: { check: checkName, default: undefined, neverUndefined: 'tenant' },
  maxCostUsd: { check: checkUsd, default: undefined },
  overBudget: { check: checkOverBudget, default: 'refuse' },
  assignmentKey: { check: checkName, default: undefined },
  maxInputTokens: { check: atLeastOne, default: undefined },
  waitUntil: { check: checkWaitUntil, default: undefined },
  metadata: { check: checkMetadata, default: undefined },
  // Whether the route exists is checked when the call is routed.
  route: { check: () => undefined, default: undefined, onlyInCall: true },
} as const satisfies { readonly [K in keyof Required<SingleCallOptions>]: CallOption };

type Table = typeof CALL_OPTIONS;
/** The engine's type of one option. */
type Setting<K extends keyof Table> = Table[K] extends { readonly read: (...args: never[]) => infer Read }
  ? Read
  : Exclude<SingleCallOptions[K], undefined> | (undefined extends Table[K]['default'] ? undefined : never);

/** All options of a call, with defaults filled in. */
export type CallSettings = { readonly [K in keyof Table]: Setting<K> } & {
  /** Nothing has set `deadlineMs`. */
  readonly deadlineIsDefault: boolean;
  /** A header has shortened `deadlineMs`. */
  readonly deadlineIsByHeader: boolean;
  /** Nothing has set `chunkTimeoutMs`. */
  readonly chunkTimeoutIsDefault: boolean;
};

const entries: readonly (readonly [keyof Table, CallOption])[] = Object.entries(CALL_OPTIONS) as [
  keyof Table,
  CallOption,
][];

export const SINGLE_CALL_KEYS: readonly (keyof SingleCallOptions)[] = entries.map(([key]) => key);
export const CALL_KEYS = entries.flatMap(([key, { onlyInCall }]) => (onlyInCall ? [] : [key as keyof CallOptions]));

/** Throws InvalidOptionError for the first invalid value. `path` precedes the option's name in the message. */
export function checkValues(path: string, options: SingleCallOptions, priorities: Priorities): void {
  for (const [key, { check }] of entries) {
    const value = options[key];
    if (value !== undefined) check(path === '' ? key : `${path}.${key}`, value, priorities);
  }
}

/** Options that must not be `undefined`, and the value that may then be missing by mistake. */
export const NEVER_UNDEFINED: ReadonlyMap<string, string> = new Map(
  entries.flatMap(([key, { neverUndefined }]) => (neverUndefined === undefined ? [] : [[key, neverUndefined]])),
);

/** The engine's settings from checked options. */
export function settingsOf(options: SingleCallOptions, priorities: Priorities): CallSettings {
  const settings: Record<string, unknown> = {
    deadlineIsDefault: options.deadlineMs === undefined,
    deadlineIsByHeader: false,
    chunkTimeoutIsDefault: options.chunkTimeoutMs === undefined,
  };
  for (const [key, option] of entries) {
    const value = options[key] ?? option.default;
    settings[key] = option.read === undefined ? value : option.read(value as never, priorities);
  }
  return settings as CallSettings;
}

/** The header value `high` means `premium`, unless the application has a priority named `high`. */
export function priorityOf(priority: string, priorities: Priorities): string {
  return priority === 'high' && !priorities.has('high') ? 'premium' : priority;
}

function checkPriority(at: string, value: unknown, priorities: Priorities): void {
  if (typeof value !== 'string' || !priorities.has(priorityOf(value, priorities)))
    invalidOption(at, value, `one of ${[...priorities.keys()].map(show).join(', ')}`);
}

function checkHedge(at: string, value: unknown): void {
  if (value === false || value === 'p90' || value === 'p95' || value === 'p99') return;
  const what = `milliseconds above 0, at most ${MAX_MS}, or 'p90', 'p95', 'p99' or false`;
  checkNumber(at, value, { above: 0, most: MAX_MS, what });
}

function checkFailoverOn(at: string, value: unknown): void {
  if (!Array.isArray(value))
    invalidOption(at, value, "an array of outcomes or statuses, such as ['content-filter', 400]");
  for (const [i, each] of value.entries()) {
    const isStatus = Number.isInteger(each) && each >= 400 && each <= 599;
    if (isStatus || ERROR_OUTCOMES.some((outcome) => outcome === each)) continue;
    invalidOption(`${at}[${i}]`, each, `a status from 400 to 599, or one of ${ERROR_OUTCOMES.map(show).join(', ')}`);
  }
}

function checkRegions(at: string, value: unknown): void {
  if (checkStrings(at, value, 'an array of regions').length > 0) return;
  throw new InvalidOptionError(at, 'it is empty; give at least one region, or leave it out to allow all.');
}

function checkName(at: string, value: unknown): void {
  checkString(at, value);
}

function checkUsd(at: string, value: unknown): void {
  checkNumber(at, value, { least: 0, most: 1e6, what: 'US dollars, 0 to 1000000' });
}

function checkMetadata(at: string, value: unknown): void {
  for (const [key, text] of Object.entries(checkRecord(at, value, 'an object of plain strings')))
    if (typeof text !== 'string') invalidOption(`${at}.${key}`, text, 'a string');
}

function checkOverBudget(at: string, value: unknown): void {
  checkOneOf(at, value, ['refuse', 'skip']);
}

function checkWaitUntil(at: string, value: unknown): void {
  if (typeof value !== 'function') invalidOption(at, value, 'a function such as (promise) => ctx.waitUntil(promise)');
}

function atLeastOne(at: string, value: unknown): void {
  checkWhole(at, value, 1);
}
