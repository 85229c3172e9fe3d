import { CLOSED } from '../call/admit.js';
import { explainCache } from '../call/cache/explain-cache.js';
import { hedgeDelay } from '../call/hedge.js';
import { orderRequest } from '../call/order.js';
import { capacityError, firstServed, tokensAt, whyNotQueued } from '../call/queue.js';
import { explainSpend } from '../call/spend/explain-spend.js';
import { isFullAt, viewTargets } from '../call/view-targets.js';
import { TokenBudgetExceededError } from '../errors.js';
import { SINGLE_CALL_KEYS, type SingleCallOptions } from '../options/call-options.js';
import { checkPlaces } from '../options/option-places.js';
import { longestAttemptMs } from '../plan/longest-attempt.js';
import { type AttemptStep, type PlanView, plan, type Step, type TargetView } from '../plan/plan.js';
import { callOptions } from '../request/call-options.js';
import { type CallReader, NO_OTHER, protocolOf } from '../request/read-call.js';
import type { RequestOptions } from '../sdk/request-headers.js';
import { availableAt, type Capacity } from '../state/capacity.js';
import type { Call, Target } from '../types.js';
import { checkRecord, invalidOption } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { type Explanation, explanationText } from './explanation.js';
import { StillView } from './still-view.js';

/** The second argument of `explain`: the options of `create`, plain call options, or both. */
export type ExplainOptions = Partial<RequestOptions> & SingleCallOptions;

/** The SDK's own request options, which may be mixed with the router's. */
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

/** Converts plain call options as `callOptions` does. Throws InvalidOptionError. */
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
  const body = isRecord(given) ? given : invalidOption('body', given, 'the body of a request');
  const request = {
    method: 'post',
    path: pathOf(body),
    stream: body.stream === true,
    ...requestOptionsOf(options),
    body,
  } as const;
  const protocol = protocolOf(request) ?? 'chat';
  // This is not a call, so it takes no id: the first id draws random values, which Workers forbid at module scope.
  const { call, hedgeDisabledReason } = reader.read(request, protocol, () => false, 'explain');
  // If all deployments are excluded, the input is counted for those.
  const counted = call.targets.length > 0 ? call : { ...call, targets: call.excluded.map(({ target }) => target) };
  const { engine } = reader;
  const { orders, estimator, life } = engine;
  const { capacity } = life;
  const inputTokens = estimator.ofCall(counted);
  const money = explainSpend(engine.spend, call);
  const now = call.startedAt;
  const routeOrder = orders.get(call.record.route ?? '');
  const decision =
    routeOrder === undefined || call.targets.length === 0
      ? undefined
      : routeOrder.decide(orderRequest(call, estimator, now));
  if (decision !== undefined) call.targets = decision.targets;
  const views = viewTargets(call).map((view) => new StillView(view));
  const { step, target } = firstStep(call, capacity, {
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
    // Only pauses use it. Reading it ahead leaves it for the next call.
    jitter: views.some((view) => view.pausedUntil > now) ? engine.jitter.peek() : 0,
  });
  const usable = views.map((view) => ({
    id: view.target.state.id,
    isDepleted: view.isDepleted,
    why: reason(call, capacity, view, now),
  }));
  const first = target?.state.id;
  const dueMs = step.type === 'attempt' ? hedgeDelay(call, step.target) : undefined;
  const hedge = step.type === 'attempt' && dueMs !== undefined ? hedgeWithin(call, step, dueMs) : { why: undefined };
  const whyNot =
    hedgeDisabledReason ??
    // Spend limits may have excluded all others.
    (call.targets.length < 2 ? NO_OTHER : undefined) ??
    (step.type === 'attempt' ? undefined : 'no deployment is available now') ??
    (dueMs === undefined ? 'too few answer times of its deployment are known' : undefined) ??
    hedge.why;
  const ordered = [...usable].sort((a, b) => rank(a, first) - rank(b, first));
  const ruledOut = [...call.excluded, ...money.excluded].map(({ target, why }) => ({ id: target.state.id, why }));
  const deployments = [...ordered, ...ruledOut].map(({ id, why }) =>
    why === undefined || id === first ? { id } : { id, excluded: why },
  );
  const { maxInputTokens } = call.settings;
  const tooLong =
    maxInputTokens !== undefined && counted === call && inputTokens > maxInputTokens
      ? new TokenBudgetExceededError(inputTokens, maxInputTokens).message
      : undefined;
  const notQueued = step.type === 'queue' ? whyNotQueued(call, step.targets, capacity, now) : undefined;
  const explanation: Explanation = {
    route: call.record.route,
    priority: call.settings.priority,
    deployments,
    deadlineMs: call.settings.deadlineMs,
    attemptTimeoutMs: step.type === 'attempt' ? step.timeoutMs : null,
    maxAttempts: call.maxAttempts,
    hedgeAfterMs: whyNot === undefined ? (hedge.ms ?? null) : null,
    hedgeDisabledReason: whyNot ?? null,
    cache: explainCache(call),
    maxCostUsd: money.usd,
    inputTokens,
    refusal:
      (engine.closed ? CLOSED : undefined) ??
      tooLong ??
      money.refused?.message ??
      (notQueued === undefined ? undefined : capacityError(notQueued).message) ??
      (first === undefined ? noDeployment(deployments) : null),
  };
  const chosenBy = decision?.chosenBy ?? call.record.chosenBy;
  const waitMs = step.type === 'attempt' ? step.waitMs : undefined;
  const text = () => explanationText(explanation, { chosenBy, waitMs });
  Object.defineProperty(explanation, 'toString', { value: text, enumerable: false });
  return explanation;
}

/** Why a deployment that the call may use is not used now. */
function reason(call: Call, capacity: Capacity, view: TargetView, now: number): string | undefined {
  if (view.pausedUntil > now) return `the server requested a pause of ${Math.ceil(view.pausedUntil - now)} ms`;
  if (view.suspendedUntil > now) return `its client is suspended for ${Math.ceil(view.suspendedUntil - now)} ms`;
  if (isFullAt(call, view.target, capacity, now)) return whyFull(call, view.target, now);
  return view.isOpen ? `its breaker is open for ${Math.ceil(view.retryAt - now)} ms` : undefined;
}

function whyFull(call: Call, { state: { place } }: Target, now: number): string {
  const at = place === undefined ? now : availableAt(place, tokensAt(call, place));
  if (at <= now) return 'other calls wait for it';
  return at === Number.POSITIVE_INFINITY
    ? 'all its slots are taken'
    : `its rate allows the next call in ${Math.ceil(at - now)} ms`;
}

type StillPlan = Omit<PlanView, 'targets' | 'isFull'> & { readonly targets: readonly StillView[] };

/**
 * The first attempt with the whole wait before it, or the queue in which the call waits, and the deployment that it
 * tries first. After a wait, the call consults the plan again.
 */
function firstStep(call: Call, capacity: Capacity, view: StillPlan): { step: Step; target: Target | undefined } {
  const step = plan({ ...view, isFull: ({ target }) => isFullAt(call, target, capacity, view.now) });
  if (step.type === 'stop') return { step, target: undefined };
  const wait = Math.ceil(step.waitMs ?? 0);
  const now = view.now + wait;
  if (step.type === 'queue') {
    const { target, at } = firstServed(call, step.targets, view.now);
    const isServed = at <= now && whyNotQueued(call, step.targets, capacity, view.now) === undefined;
    if (wait === 0 || isServed) return { step, target };
  } else if (wait <= 0) return { step, target: step.target };
  const later = firstStep(call, capacity, { ...view, now, targets: view.targets.map((each) => each.at(now)) });
  if (later.step.type !== 'attempt') return later;
  return { ...later, step: { ...later.step, waitMs: later.step.waitMs + wait } };
}

function noDeployment(deployments: Explanation['deployments']): string {
  const why = deployments.flatMap(({ id, excluded }) => (excluded === undefined ? [] : `${id}: ${excluded}`));
  return `No deployment is available${why.length === 0 ? '' : ` (${why.join('; ')})`}.`;
}

/**
 * When a hedge of the first attempt starts. A hedge that is due after the attempt's time starts at its end, if the
 * attempt may continue beside it; a limit that the application has set for the attempt ends it.
 */
function hedgeWithin(
  call: Call,
  { target, timeoutMs }: AttemptStep,
  dueMs: number,
): { ms?: number; why: string | undefined } {
  const { deadlineMs } = call.settings;
  const limit = Math.min(longestAttemptMs(call, target), deadlineMs);
  const end = Math.min(timeoutMs, limit);
  if (dueMs <= end && dueMs < deadlineMs) return { ms: dueMs, why: undefined };
  if (limit > end) return { ms: end, why: undefined };
  return { why: `it would be due after ${dueMs} ms, and the first attempt ends after ${end} ms` };
}

function rank(
  { id, isDepleted, why }: { id: string; isDepleted: boolean; why: string | undefined },
  first: string | undefined,
): number {
  if (id === first) return 0;
  if (why !== undefined) return 3;
  return isDepleted ? 2 : 1;
}

/** The endpoint of a body, recognised by its fields. */
function pathOf(body: Record<string, unknown>): string {
  if ('messages' in body) return '/chat/completions';
  if ('prompt' in body) return '/completions';
  if (!('input' in body)) return '/chat/completions';
  return 'encoding_format' in body || 'dimensions' in body ? '/embeddings' : '/responses';
}
