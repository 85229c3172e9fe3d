import { answersOf, outputLimitOf, serviceTierOf } from '../protocol/output-limit.js';
import { readNeeds } from '../protocol/requirements.js';
import type { TierPrice } from '../telemetry/record-types.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import { AUDIO_BYTES_PER_SECOND, type Input } from '../tokens/read-input.js';
import type { Call, Protocol, Target } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { pricesUpTo } from './cost.js';
import type { PriceBook } from './price-book.js';

/** The output tokens to assume if neither the call nor the deployment sets a limit. */
const DEFAULT_OUTPUT_TOKENS = 4096;
const TOKENS_PER_PRICE = 1e6;
/** The largest share by which an input estimate may be too low. */
const MAX_SHORTFALL = 0.05;
/** The calls of the provider's own tools to assume without `max_tool_calls`. */
const DEFAULT_TOOL_CALLS = 10;

/** The highest possible cost of one attempt, at any of these deployments. */
export interface WorstCase {
  readonly targets: readonly Target[];
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars; `undefined` if the price is unknown. */
  readonly usd: number | undefined;
}

export interface WorstCaseParts {
  readonly estimator: InputEstimator;
  readonly prices: PriceBook;
}

/**
 * The highest possible cost of an attempt at each of the call's targets, by the estimate of its input. Equal targets
 * share one case.
 */
export function worstCases(parts: WorstCaseParts & { readonly groups: CostGroups }, call: Call): WorstCase[] {
  const { targets } = call;
  const request = requestOf(parts, call);
  // A tier's price may depend on the deployment.
  const groups = request.tier === undefined ? parts.groups.of(targets) : targets.map((target) => [target]);
  return groups.flatMap((group) => caseOf(parts, call, request, group) ?? []);
}

/** The same for one deployment. */
export function worstCaseAt(parts: WorstCaseParts, call: Call, target: Target): WorstCase | undefined {
  return caseOf(parts, call, requestOf(parts, call), [target]);
}

function requestOf({ estimator }: WorstCaseParts, call: Call): Request {
  const { protocol } = call;
  const input = estimator.inputOf(call);
  const { body } = input;
  return {
    ownLimit: outputLimitOf(body),
    answers: hasBilledOutput(protocol, body) ? call.choices * writtenPerChoice(body) : 0,
    tier: serviceTierOf(body),
    usdPerKind: new Kinds(protocol, input),
    seconds: secondsOf(protocol, body),
  };
}

function caseOf(
  parts: WorstCaseParts,
  call: Call,
  request: Request,
  targets: readonly Target[],
): WorstCase | undefined {
  const [target] = targets;
  if (target === undefined) return undefined;
  const inputTokens = Math.ceil(parts.estimator.ofCallAt(call, target.model) / (1 - MAX_SHORTFALL));
  const outputTokens = request.answers === 0 ? 0 : outputLimit(target, request.ownLimit) * request.answers;
  return { targets, inputTokens, outputTokens, usd: usdOf(parts, target, request, inputTokens, outputTokens) };
}

/**
 * Groups deployments with the same model, price and output limit, because a call costs the same at each. Of a thousand
 * deployments few differ, and a route has the same list for each of its calls.
 */
export class CostGroups {
  readonly #byTargets = new WeakMap<readonly Target[], readonly (readonly Target[])[]>();
  readonly #keys = new WeakMap<Target, string>();

  of(targets: readonly Target[]): readonly (readonly Target[])[] {
    const known = this.#byTargets.get(targets);
    if (known !== undefined) return known;
    // `Map.groupBy` is too new for some browsers.
    const byKey = new Map<string, Target[]>();
    for (const target of targets) {
      const key = this.#keyOf(target);
      const group = byKey.get(key) ?? [];
      group.push(target);
      byKey.set(key, group);
    }
    const groups = [...byKey.values()];
    this.#byTargets.set(targets, groups);
    return groups;
  }

  #keyOf(target: Target): string {
    const known = this.#keys.get(target);
    if (known !== undefined) return known;
    const key = JSON.stringify([target.model, target.price?.price, target.state.deployment.maxOutputTokens]);
    this.#keys.set(target, key);
    return key;
  }
}

interface Request {
  readonly ownLimit: number | undefined;
  /** The number of answers of that length. */
  readonly answers: number;
  readonly tier: string | undefined;
  readonly usdPerKind: Kinds;
  readonly seconds: number;
}

function usdOf(
  { prices }: WorstCaseParts,
  { state, model = '', price }: Target,
  { tier, usdPerKind, seconds }: Request,
  inputTokens: number,
  outputTokens: number,
): number | undefined {
  const known = tier === undefined ? price : prices.atTier(price, { deployment: state.id, model, serviceTier: tier });
  const all = known && pricesUpTo(known.price, tier, inputTokens);
  if (all === undefined) return undefined;
  let max = 0;
  for (const each of all) {
    const tokens = inputTokens * usdPerKind.input(each) + outputTokens * usdPerKind.output(each);
    const usd = tokens / TOKENS_PER_PRICE + seconds * (each.perSecond ?? 0) + usdPerKind.tools(each);
    if (usd > max) max = usd;
  }
  return max;
}

/** The cost of the most expensive attempts: any deployment each time or, without repetition, each of them once. */
export function maxUsdOf(cases: readonly WorstCase[], attempts: number, mayRepeat: boolean): number {
  if (mayRepeat) {
    let max = 0;
    for (const { usd = 0 } of cases) if (usd > max) max = usd;
    return max * attempts;
  }
  let sum = 0;
  let left = Math.max(0, attempts);
  for (const { usd = 0, targets } of cases.toSorted((a, b) => (b.usd ?? 0) - (a.usd ?? 0))) {
    const count = Math.min(left, targets.length);
    sum += count * usd;
    left -= count;
  }
  return sum;
}

/** The highest price among all kinds of tokens that the request may have. */
class Kinds {
  #audio: boolean | undefined;

  constructor(
    readonly protocol: Protocol,
    readonly given: Input,
  ) {}

  input({ input, cachedInput = 0, cacheWrite = 0, cacheWrite1h = 0, audioInput, imageInput }: TierPrice): number {
    return Math.max(
      input,
      cachedInput,
      cacheWrite,
      cacheWrite1h,
      audioInput !== undefined && this.#hasAudio ? audioInput : 0,
      imageInput !== undefined && (this.given.images.length > 0 || this.protocol === 'json') ? imageInput : 0,
    );
  }

  output({ output, audioOutput, imageOutput }: TierPrice): number {
    const { protocol } = this;
    return Math.max(
      output,
      audioOutput !== undefined && this.#hasAudio ? audioOutput : 0,
      // A model of the Responses API can generate images with a tool.
      imageOutput !== undefined && (protocol === 'json' || protocol === 'responses') ? imageOutput : 0,
    );
  }

  /** Fees of the tools that the provider may run, in US dollars. */
  tools({ tools }: TierPrice): number {
    const { body } = this.given;
    if (tools === undefined || !isRecord(body)) return 0;
    const max = typeof body.max_tool_calls === 'number' ? body.max_tool_calls : DEFAULT_TOOL_CALLS;
    const names = Array.isArray(body.tools) ? body.tools.map(typeOf) : [];
    if (body.web_search_options !== undefined) names.push('web_search');
    let fee = 0;
    for (const [tool, usd] of Object.entries(tools))
      if (names.some((name) => name?.startsWith(tool)) && usd > fee) fee = usd;
    return fee * Math.max(0, max);
  }

  get #hasAudio(): boolean {
    const { protocol, given } = this;
    this.#audio ??= protocol === 'text' || protocol === 'binary' || readNeeds(given.body).capabilities.has('audio');
    return this.#audio;
  }
}

const typeOf = (tool: unknown) => (isRecord(tool) && typeof tool.type === 'string' ? tool.type : undefined);

/** The call's own limit takes precedence, because it is sent, and a server may allow more than the options say. */
function outputLimit({ state }: Target, own: number | undefined): number {
  return own ?? state.deployment.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS;
}

/** Whether output is billed, unlike for embeddings and moderations. */
export function hasBilledOutput(protocol: Protocol, body: unknown): boolean {
  if (protocol === 'embeddings') return false;
  // A moderation has an input, an image a prompt. An upload may be a stream, which cannot be read.
  return protocol !== 'json' || !isRecord(body) || !('input' in body);
}

/** How many answers are generated and billed for each one in `n`. */
function writtenPerChoice(body: unknown): number {
  if (!isRecord(body) || body instanceof FormData) return 1;
  const { best_of: written, n } = body;
  const most = Math.max(answersOf(body), typeof written === 'number' ? written : 1);
  return Math.max(1, most / (typeof n === 'number' && n > 1 ? n : 1));
}

/** The duration of an upload, estimated from its size. */
function secondsOf(protocol: Protocol, body: unknown): number {
  const file = protocol === 'text' && body instanceof FormData ? body.get('file') : null;
  if (!(file instanceof Blob)) return 0;
  const isWav = /wav/i.test(file.type) || ('name' in file && /\.wav$/i.test(String(file.name)));
  return file.size / AUDIO_BYTES_PER_SECOND[isWav ? 'wav' : 'other'];
}
