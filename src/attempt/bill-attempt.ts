import { wasSent } from '../classify.js';
import { billOf, priceFor, type ToolCalls } from '../prices/cost.js';
import type { PriceBook } from '../prices/price-book.js';
import { worstCaseAt } from '../prices/worst-case.js';
import type { DeliveredText } from '../protocol/delivered.js';
import { serviceTierOf } from '../protocol/output-limit.js';
import { answerText } from '../protocol/output-text.js';
import { providerCostOf, readUsage, toolCallsOf } from '../protocol/usage.js';
import type { KnownPrice, Outcome, TierPrice, Usage } from '../telemetry/record-types.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Attempt, AttemptEnd, Failure } from '../types.js';
import { isRecord } from '../util/is-record.js';

export interface BillingParts {
  readonly prices: PriceBook;
  readonly estimator: InputEstimator;
}

/** Usage and cost of an attempt. Amounts are in US dollars. */
export interface AttemptBill {
  readonly usage: Usage | null;
  /** `null` if unknown. */
  readonly costUsd: number | null;
  /**
   * The amount for limits and sums: an unknown cost counts with its known part, or with the highest possible cost under
   * a limit.
   */
  readonly bookedUsd: number;
  readonly unpriced: readonly string[];
  readonly providerCostUsd: number | null;
  readonly priceSource: string | null;
  readonly estimated: boolean;
  /** Set if there was usage but no price is known, with the tier if only the tier has no price. */
  readonly lacksPrice: { readonly serviceTier: string | undefined } | undefined;
  /** Set if the provider reported more tokens than possible. */
  readonly absurd: { readonly tokens: number; readonly limit: number } | undefined;
}

const NOTHING: AttemptBill = {
  usage: null,
  costUsd: 0,
  bookedUsd: 0,
  unpriced: [],
  providerCostUsd: null,
  priceSource: null,
  estimated: false,
  lacksPrice: undefined,
  absurd: undefined,
};

/** The server accepted the request but reported no result: it may have billed it. */
const MAY_BE_BILLED: ReadonlySet<Outcome> = new Set<Outcome>([
  'timeout',
  'deadline',
  'aborted',
  'connection',
  'server-error',
  'invalid-answer',
  'interrupted',
  'lost',
]);

/** Bills an attempt that has ended: by the provider's usage, else by an estimate. */
export function billAttempt(parts: BillingParts, attempt: Attempt, end: AttemptEnd): AttemptBill {
  const reported = readUsage(end.usage);
  if (reported === null) return estimate(parts, attempt, end);
  const known = priceOf(parts, attempt, end);
  const limit = absurdAbove(parts, attempt, reported);
  if (limit !== undefined) return billAsReserved(parts, attempt, known, reported, limit);
  const usage = withMissing(parts, attempt, end, reported);
  const billed = bill(attempt, end, known, reported);
  return usage === reported ? billed : asEstimate(attempt, bill(attempt, end, known, usage), billed);
}

/** What is estimated never makes an attempt cost more than was reserved for it; what is reported may. */
function asEstimate({ call, target }: Attempt, estimated: AttemptBill, reported: AttemptBill): AttemptBill {
  const max = Math.max(call.spend?.maxAt(target.state.id) ?? Number.POSITIVE_INFINITY, reported.bookedUsd);
  const costUsd = estimated.costUsd === null ? null : Math.min(estimated.costUsd, max);
  return { ...estimated, costUsd, bookedUsd: Math.min(estimated.bookedUsd, max), estimated: true };
}

/**
 * Some servers report a usage of zeros, or without the input, for an answer with content (BerriAI/litellm#8349,
 * sawfwair/mere-run#134). What they leave out is estimated: such calls must not spend unseen. With a cost of 0 beside
 * it, the answer was free: OpenRouter had it in its cache.
 */
function withMissing(parts: BillingParts, attempt: Attempt, end: AttemptEnd, usage: Usage): Usage {
  const { call, target } = attempt;
  const lacksOutput = usage.outputTokens === 0 && call.protocol !== 'embeddings';
  if ((usage.inputTokens > 0 && !lacksOutput) || usage.seconds !== undefined) return usage;
  if (providerCostOf(end.usage) === 0) return usage;
  const written = writtenIn(attempt, end);
  const hasAnswer = call.protocol === 'embeddings' ? end.outcome === 'success' : (written?.length ?? 0) > 0;
  if (!hasAnswer) return usage;
  const inputTokens = usage.inputTokens || parts.estimator.ofCallAt(call, target.model);
  return {
    ...usage,
    inputTokens,
    outputTokens: lacksOutput ? outputTokens(parts, attempt, written) : usage.outputTokens,
  };
}

/** What a model wrote, in a stream or a whole answer; `undefined` if answers of this shape have no generated text. */
function writtenIn({ call }: Attempt, { delivered, answer }: AttemptEnd): DeliveredText | undefined {
  return delivered?.() ?? whole(call.protocol === 'embeddings' ? '' : answerText(answer));
}

/** By the name in the request, else by the name of the model that served it: a server's own alias, or none at all. */
function priceOf({ prices }: BillingParts, { target }: Attempt, end: AttemptEnd): KnownPrice | undefined {
  const { servedModel, serviceTier } = end;
  const { model = servedModel } = target;
  if (model === undefined || (target.price !== undefined && serviceTier === undefined)) return target.price;
  const query = { deployment: target.state.id, model };
  const tier = serviceTier !== undefined && { serviceTier };
  const known = prices.atTier(target.price, { ...query, ...tier });
  if (target.price !== undefined || known !== undefined) return known;
  if (servedModel === undefined || servedModel === target.model) return undefined;
  const served = { ...query, servedModel };
  return prices.atTier(prices.ofCall(served), { ...served, ...tier });
}

function bill(attempt: Attempt, end: AttemptEnd, known: KnownPrice | undefined, usage: Usage): AttemptBill {
  const { call, target } = attempt;
  const serviceTier = end.serviceTier ?? tierIn(end.usage);
  const price = known && priceFor(known.price, serviceTier, usage.inputTokens);
  const providerCostUsd = providerCostOf(end.usage) ?? null;
  const base = { ...NOTHING, usage, providerCostUsd };
  if (price === undefined || known === undefined) {
    if (providerCostUsd !== null)
      return { ...base, costUsd: providerCostUsd, bookedUsd: providerCostUsd, priceSource: 'provider' };
    const bookedUsd = call.spend?.maxAt(target.state.id) ?? 0;
    const isTier = (known ?? target.price) !== undefined;
    return { ...base, costUsd: null, bookedUsd, lacksPrice: { serviceTier: isTier ? serviceTier : undefined } };
  }
  const { usd, unpriced } = billOf(usage, price, toolsOf(attempt, end));
  if (unpriced.length === 0) return { ...base, costUsd: usd, bookedUsd: usd, priceSource: known.source };
  // The provider's figure includes everything.
  if (providerCostUsd !== null)
    return { ...base, costUsd: providerCostUsd, bookedUsd: providerCostUsd, priceSource: 'provider' };
  return { ...base, costUsd: null, bookedUsd: usd, unpriced, priceSource: known.source };
}

/** Anthropic reports the tier in its usage. */
function tierIn(usage: unknown): string | undefined {
  return isRecord(usage) && typeof usage.service_tier === 'string' ? usage.service_tier : undefined;
}

/** A search model of chat completions searches once, and does not report it. */
function toolsOf({ call }: Attempt, { usage, output, outcome }: AttemptEnd): ToolCalls {
  const counted = toolCallsOf(usage, output);
  const { body } = call;
  const searches = call.protocol === 'chat' && isRecord(body) && isRecord(body.web_search_options);
  if (!searches || outcome !== 'success' || 'web_search' in counted) return counted;
  return isRecord(usage) && isRecord(usage.server_tool_use) ? counted : { ...counted, web_search: 1 };
}

/** More tokens than any request uses where no context window is declared. */
const ABSURD_TOKENS = 1_000_000;
/** Server-side tools count a prompt several times. */
const ABSURD_TURNS = 10;

/** The highest plausible number of tokens, if the usage exceeds it; `undefined` if the usage is plausible. */
function absurdAbove(parts: BillingParts, { call, target }: Attempt, usage: Usage): number | undefined {
  const tokens = usage.inputTokens + usage.outputTokens;
  const { contextWindow } = target.state.deployment;
  if (contextWindow !== undefined)
    return tokens > ABSURD_TURNS * contextWindow ? ABSURD_TURNS * contextWindow : undefined;
  if (tokens <= ABSURD_TOKENS) return undefined;
  const worst = worstCaseAt(parts, call, target);
  const limit = Math.max(ABSURD_TOKENS, ABSURD_TURNS * ((worst?.inputTokens ?? 0) + (worst?.outputTokens ?? 0)));
  return tokens > limit ? limit : undefined;
}

/** The cost is unknown, so the reservation is booked, or the amount that would have been reserved. */
function billAsReserved(
  parts: BillingParts,
  { call, target }: Attempt,
  known: KnownPrice | undefined,
  usage: Usage,
  limit: number,
): AttemptBill {
  const worst = worstCaseAt(parts, call, target);
  const usd = call.spend?.maxAt(target.state.id) ?? worst?.usd;
  return {
    ...NOTHING,
    usage: worst === undefined ? null : plain(worst.inputTokens, worst.outputTokens),
    costUsd: worst?.usd === undefined ? null : (usd ?? null),
    bookedUsd: usd ?? 0,
    priceSource: known?.source ?? null,
    estimated: true,
    absurd: { tokens: usage.inputTokens + usage.outputTokens, limit },
  };
}

function plain(inputTokens: number, outputTokens: number): Usage {
  return { inputTokens, outputTokens, cachedInputTokens: 0, reasoningTokens: 0 };
}

/**
 * Bills an attempt that ended without usage. An error status costs nothing, nor does a request that was never sent. An
 * answer or stream whose content arrived costs its input and that content. Anything else costs its input and a share of
 * the longest possible output, in proportion to the time, because a caller that aborts must not spend unseen.
 */
function estimate(parts: BillingParts, attempt: Attempt, end: AttemptEnd): AttemptBill {
  const { outcome, failure, status } = end;
  const { call, target } = attempt;
  const { price } = target;
  const nothing = { ...NOTHING, priceSource: price?.source ?? null };
  const unknown = { ...nothing, costUsd: null };
  if (failure !== undefined && !mayBeBilled(outcome, failure, status)) return nothing;
  // The router does not request the usage of a stream if it has no price.
  const lacksPrice =
    price === undefined && call.stream && outcome === 'success' ? { serviceTier: undefined } : undefined;
  const arrived = writtenIn(attempt, end);
  // A caller that left before it read anything has seen no content, but the model may have generated some.
  const written = arrived?.length === 0 && outcome !== 'success' ? undefined : arrived;
  const isUnseen = outcome === 'success' && (written === undefined || call.protocol === 'json');
  // The router does not read this answer, or it is not text, so its cost cannot be estimated from it.
  if (isUnseen) {
    const max = price && call.spend?.maxAt(target.state.id);
    if (max === undefined) return { ...unknown, lacksPrice };
    return { ...nothing, costUsd: max, bookedUsd: max, estimated: true };
  }
  const isUseful = written !== undefined && outcome !== 'success';
  if (price === undefined && !isUseful) return { ...unknown, lacksPrice };
  const usage = plain(parts.estimator.ofCallAt(call, target.model), outputTokens(parts, attempt, written));
  const tierPrice = price && tierPriceOf(parts, attempt, price, usage);
  if (price === undefined || tierPrice === undefined)
    return { ...unknown, usage: written === undefined ? null : usage, estimated: true, lacksPrice };
  const { usd } = billOf(usage, tierPrice, toolCallsOf(undefined, end.output));
  const costUsd = Math.min(usd, call.spend?.maxAt(target.state.id) ?? Number.POSITIVE_INFINITY);
  return { ...nothing, usage: written === undefined ? null : usage, costUsd, bookedUsd: costUsd, estimated: true };
}

/** The price of the requested tier, else the listed price. */
function tierPriceOf(
  { prices }: BillingParts,
  { call, target }: Attempt,
  price: KnownPrice,
  { inputTokens }: Usage,
): TierPrice | undefined {
  const serviceTier = serviceTierOf(call.body);
  if (serviceTier === undefined || target.model === undefined) return priceFor(price.price, undefined, inputTokens);
  const known = prices.atTier(price, { deployment: target.state.id, model: target.model, serviceTier });
  return priceFor((known ?? price).price, known && serviceTier, inputTokens);
}

function outputTokens(parts: BillingParts, attempt: Attempt, written: DeliveredText | undefined): number {
  const { call, target } = attempt;
  if (written !== undefined) {
    const { text, length } = written;
    // A long stream stores only its end: the beginning counts in proportion to its length.
    return text === '' ? 0 : Math.round((parts.estimator.ofText(text, target.model, call) * length) / text.length);
  }
  const worst = worstCaseAt(parts, call, target);
  const p95Ms = target.state.p95Ms(false);
  const share = p95Ms === undefined || p95Ms <= 0 ? 1 : Math.min(1, attempt.record.durationMs / p95Ms);
  return Math.ceil((worst?.outputTokens ?? 0) * share);
}

function whole(text: string | undefined): DeliveredText | undefined {
  return text === undefined ? undefined : { text, length: text.length };
}

function mayBeBilled(outcome: Outcome, { error, notSent }: Failure, status: number | undefined): boolean {
  if (notSent) return false;
  // An answer that broke, was refused or has lost still has the status of its start.
  const isErrorStatus = status !== undefined && (status < 200 || status >= 300);
  return !isErrorStatus && MAY_BE_BILLED.has(outcome) && wasSent(error);
}
