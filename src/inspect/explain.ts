import { explainCache } from '../call/cache/explain-cache.js';
import { hedgeDelay } from '../call/hedge.js';
import { orderRequest } from '../call/order.js';
import { explainSpend } from '../call/spend/explain-spend.js';
import { viewTargets } from '../call/view.js';
import { TokenBudgetExceededError } from '../errors.js';
import { SINGLE_CALL_KEYS, type SingleCallOptions } from '../options/call-options.js';
import { checkPlaces } from '../options/option-places.js';
import { type Ask, plan } from '../plan/plan.js';
import { callOptions } from '../request/call-options.js';
import { type CallReader, NO_OTHER, protocolOf } from '../request/read-call.js';
import type { RequestOptions } from '../sdk/request-headers.js';
import type { Call } from '../types.js';
import { checkRecord, fail } from '../util/check.js';
import { isRecord } from '../util/is-record.js';

/** The plan for a call. */
export interface Explanation {
  route: string | null;
  priority: string;
  /** In the order in which they would be asked. */
  deployments: { id: string; excluded?: string }[];
  deadlineMs: number;
  /** What the first attempt would be given, in milliseconds; `null` where nothing may be asked. */
  attemptTimeoutMs: number | null;
  maxAttempts: number;
  /** When another deployment would be asked beside the first one, in milliseconds; `null` where none would be. */
  hedgeAfterMs: number | null;
  /** Why none would be, in words. */
  hedgeDisabledReason: string | null;
  /** Why it may be answered from the cache or not, and what an equal call must have in common with it. */
  cache: { cacheable: boolean; why: string; key: { hash: string; parts: string[] } | null };
  /** The most that it may cost, all attempts together, in US dollars; `null` where the price of nobody is known. */
  maxCostUsd: number | null;
  /** Estimated, with its margin, for whichever of the deployments counts most. */
  inputTokens: number;
  /** Why the call would fail before anything is sent: a limit, or nobody may be asked; `null` where it would not. */
  refusal: string | null;
}

/** What `explain` takes beside the body: the options of `create`, plain call options, or both. */
export type ExplainOptions = Partial<RequestOptions> & SingleCallOptions;

/** The SDK's own options of a request, which may stand beside ours. */
const REQUEST_KEYS: ReadonlySet<string> = new Set([
  'method',
  'path',
  'query',
  'body',
  'headers',
  'maxRetries',
  'stream',
  'timeout',
  'fetchOptions',
  'signal',
  'idempotencyKey',
  'defaultBaseURL',
]);

/** Carries plain call options as `callOptions` does. Throws InvalidOptionError. */
function requestOptionsOf(options: ExplainOptions): Partial<RequestOptions> {
  const rows = Object.entries(checkRecord('explain', options, 'an object of options, such as { priority: "premium" }'));
  const isOfTheSdk = ([key]: [string, unknown]) => REQUEST_KEYS.has(key) || key.startsWith('__');
  const ours = Object.fromEntries(rows.filter((row) => !isOfTheSdk(row)));
  if (Object.keys(ours).length === 0) return options;
  checkPlaces('', ours, SINGLE_CALL_KEYS);
  const carried = Object.getOwnPropertySymbols(options).map((symbol) => [symbol, Reflect.get(options, symbol)]);
  return { ...Object.fromEntries(carried), ...callOptions(ours), ...Object.fromEntries(rows.filter(isOfTheSdk)) };
}

export function explain(reader: CallReader, given: object, options: ExplainOptions): Explanation {
  const body = isRecord(given) ? given : fail('body', given, 'the body of a request');
  const request = {
    method: 'post',
    path: pathOf(body),
    stream: body.stream === true,
    ...requestOptionsOf(options),
    body,
  } as const;
  const { call, excluded, hedgeDisabledReason } = reader.read(request, protocolOf(request) ?? 'chat', () => false);
  // Where all are left out, for those: the input is what it is.
  const counted = call.targets.length > 0 ? call : { ...call, targets: excluded.map(({ target }) => target) };
  const inputTokens = reader.engine.estimator.ofCall(counted);
  const money = explainSpend(reader.engine.spend, call);
  const now = call.startedAt;
  const { orders, estimator } = reader.engine;
  const routeOrder = orders.get(call.record.route ?? '');
  if (routeOrder !== undefined && call.targets.length > 0)
    call.targets = routeOrder.decide(orderRequest(call, estimator, now)).targets;
  const views = viewTargets(call, reader.engine.capacity);
  const step = plan({
    now,
    deadline: call.deadline,
    deadlineIsDefault: call.settings.deadlineIsDefault,
    attemptTimeoutMs: call.settings.attemptTimeoutMs,
    attemptTimeoutIsOwn: call.attemptTimeoutIsOwn,
    attemptsLeft: call.maxAttempts,
    targets: views,
    failures: [],
    inFlight: [],
    mayRetry: true,
    retry: call.retry,
    jitter: 0,
  });
  const reason = (view: (typeof views)[number]) => {
    if (view.pausedUntil > now) return `the server asked to stay away for ${Math.ceil(view.pausedUntil - now)} ms`;
    if (view.suspendedUntil > now) return `its client is set aside for ${Math.ceil(view.suspendedUntil - now)} ms`;
    if (view.isFull) return 'all its slots are taken';
    return view.out ? `its breaker is open for ${Math.ceil(view.dueAt - now)} ms` : undefined;
  };
  const usable = views.map((view) => ({ id: view.target.state.id, why: reason(view) }));
  const [waitsFor] = step.type === 'queue' ? step.targets : [];
  const first = step.type === 'ask' ? step.target.state.id : waitsFor?.state.id;
  const dueMs = step.type === 'ask' ? hedgeDelay(call, step.target) : undefined;
  const hedge = step.type === 'ask' && dueMs !== undefined ? hedgeWithin(call, step, dueMs) : { why: undefined };
  const whyNot =
    hedgeDisabledReason ??
    // Limits of money may have left out all others.
    (call.targets.length < 2 ? NO_OTHER : undefined) ??
    (step.type === 'ask' ? undefined : 'nothing may be asked now') ??
    (dueMs === undefined ? 'too little is known of how long its deployment takes' : undefined) ??
    hedge.why;
  const ordered = [...usable].sort((a, b) => rank(a, first) - rank(b, first));
  const ruledOut = [...excluded, ...money.excluded].map(({ target, why }) => ({ id: target.state.id, why }));
  const deployments = [...ordered, ...ruledOut].map(({ id, why }) =>
    why === undefined || id === first ? { id } : { id, excluded: why },
  );
  const { maxInputTokens } = call.settings;
  return {
    route: call.record.route,
    priority: call.settings.priority,
    deployments,
    deadlineMs: call.settings.deadlineMs,
    attemptTimeoutMs: step.type === 'ask' ? step.timeoutMs : null,
    maxAttempts: call.maxAttempts,
    hedgeAfterMs: whyNot === undefined ? (hedge.ms ?? null) : null,
    hedgeDisabledReason: whyNot ?? null,
    cache: explainCache(call),
    maxCostUsd: money.usd,
    inputTokens,
    refusal:
      maxInputTokens !== undefined && counted === call && inputTokens > maxInputTokens
        ? new TokenBudgetExceededError(inputTokens, maxInputTokens).message
        : (money.refused?.message ?? (first === undefined ? nobody(deployments) : null)),
  };
}

function nobody(deployments: Explanation['deployments']): string {
  const why = deployments.flatMap(({ id, excluded }) => (excluded === undefined ? [] : `${id}: ${excluded}`));
  return `No deployment may be asked${why.length === 0 ? '' : ` (${why.join('; ')})`}.`;
}

/**
 * When a hedge of the first attempt is begun. One that is due after the attempt's time is begun at its end, if the attempt
 * may go on beside it; what an application has set as the attempt's time ends it.
 */
function hedgeWithin(call: Call, { target, timeoutMs }: Ask, dueMs: number): { ms?: number; why: string | undefined } {
  const { attemptTimeoutMs, firstChunkTimeoutMs, deadlineMs } = call.settings;
  const { deployment } = target.state;
  const usual = deployment.attemptTimeoutMs ?? attemptTimeoutMs ?? deployment.upstream.timeoutMs;
  const own = (call.attemptTimeoutIsOwn ? attemptTimeoutMs : usual) ?? deadlineMs;
  const limit = Math.min(own, call.stream ? (firstChunkTimeoutMs ?? own) : own, deadlineMs);
  const end = Math.min(timeoutMs, limit);
  if (dueMs <= end && dueMs < deadlineMs) return { ms: dueMs, why: undefined };
  if (limit > end) return { ms: end, why: undefined };
  return { why: `it would be due after ${dueMs} ms, and the first attempt's time is over after ${end} ms` };
}

function rank({ id, why }: { id: string; why: string | undefined }, first: string | undefined): number {
  if (id === first) return 0;
  return why === undefined ? 1 : 2;
}

/** What a body is for, by what it has. */
function pathOf(body: Record<string, unknown>): string {
  if ('messages' in body) return '/chat/completions';
  if ('prompt' in body) return '/completions';
  if (!('input' in body)) return '/chat/completions';
  return 'encoding_format' in body || 'dimensions' in body ? '/embeddings' : '/responses';
}
