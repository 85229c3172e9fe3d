import { readNeeds } from '../../protocol/requirements.js';
import type { Price } from '../../telemetry/record-types.js';
import type { InputEstimator } from '../../tokens/input-estimator.js';
import type { Input } from '../../tokens/read-input.js';
import type { Call, Protocol, Target } from '../../types.js';
import { isRecord } from '../../util/is-record.js';

/** What an answer may have where neither the call nor the deployment says more. */
const OUTPUT_TOKENS = 4096;
const TOKENS_PER_PRICE = 1e6;
/** The estimate of an input is never under the real count by more than this share. */
const SHORT_BY = 0.05;

/** The most that one attempt may cost at a deployment. */
export interface Most {
  readonly target: Target;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars, of which `inputUsd` is for the input; `undefined` where the price is not known. */
  readonly usd: number | undefined;
  readonly inputUsd: number | undefined;
  readonly prices: Prices | undefined;
}

/** US dollars for a million tokens. */
interface Prices {
  readonly input: number;
  readonly output: number;
}

/** What each of the call's targets may cost for one attempt, by the estimate of its input. */
export function mostPerAttempt(call: Call, input: Input, estimator: InputEstimator): Most[] {
  return mostWith(call, input, counter(call, input, estimator));
}

/** Estimates for each model once. */
function counter(call: Call, input: Input, estimator: InputEstimator): (model: string | undefined) => number {
  const counts = new Map<string | undefined, number>();
  return (model) => {
    let tokens = counts.get(model);
    if (tokens === undefined) {
      tokens = Math.ceil(estimator.ofInput(input, model, call) / (1 - SHORT_BY));
      counts.set(model, tokens);
    }
    return tokens;
  };
}

/** The same with more tokens than any estimate could have: the texts are not looked at. `undefined` where that takes a look. */
export function boundPerAttempt(call: Call, input: Input, estimator: InputEstimator): Most[] | undefined {
  const bound = estimator.boundOf(input);
  return bound === undefined ? undefined : mostWith(call, input, () => Math.ceil(bound / (1 - SHORT_BY)));
}

function mostWith(call: Call, { images }: Input, tokensFor: (model: string | undefined) => number): Most[] {
  const { protocol, targets, body } = call;
  const kinds = new Kinds(call, body, images.length > 0);
  const own = ownLimit(body);
  return targets.map((target) => {
    const inputTokens = tokensFor(target.model);
    const outputTokens = answers(protocol, body) ? outputOf(target, own) * call.choices * drafts(body) : 0;
    const price = target.price?.price;
    const prices = price && { input: kinds.input(price), output: kinds.output(price) };
    return mostOf(target, inputTokens, outputTokens, prices);
  });
}

function mostOf(target: Target, inputTokens: number, outputTokens: number, prices: Prices | undefined): Most {
  const input = prices && inputTokens * prices.input;
  const usd = prices && ((input ?? 0) + outputTokens * prices.output) / TOKENS_PER_PRICE;
  return { target, inputTokens, outputTokens, usd, inputUsd: input && input / TOKENS_PER_PRICE, prices };
}

/** What was bound, by the estimate: nothing else of the body is read again, which its owner may have changed by now. */
export function estimated(bounds: readonly Most[], call: Call, input: Input, estimator: InputEstimator): Most[] {
  const tokensFor = counter(call, input, estimator);
  return bounds.map(({ target, outputTokens, prices }) =>
    mostOf(target, tokensFor(target.model), outputTokens, prices),
  );
}

/** The dearest so many attempts: any of the deployments each time, or, where nothing is asked twice, each of them once. */
export function mostOfAttempts(most: readonly Most[], attempts: number, mayRepeat: boolean): number {
  if (mayRepeat || most.length === 1) {
    let dearest = 0;
    for (const { usd = 0 } of most) if (usd > dearest) dearest = usd;
    return dearest * (mayRepeat ? attempts : Math.min(1, attempts));
  }
  const sorted = most.map(({ usd = 0 }) => usd).sort((a, b) => b - a);
  return sorted.slice(0, Math.max(0, attempts)).reduce((sum, usd) => sum + usd, 0);
}

/** The highest price of all kinds of tokens that the request may have. */
class Kinds {
  #audio: boolean | undefined;

  constructor(
    readonly call: Call,
    readonly body: unknown,
    readonly hasImages: boolean,
  ) {}

  input({ input, cachedInput = 0, cacheWrite = 0, audioInput, imageInput }: Price): number {
    return Math.max(
      input,
      cachedInput,
      cacheWrite,
      audioInput !== undefined && this.#hasAudio ? audioInput : 0,
      imageInput !== undefined && (this.hasImages || this.call.protocol === 'json') ? imageInput : 0,
    );
  }

  output({ output, audioOutput, imageOutput }: Price): number {
    return Math.max(
      output,
      audioOutput !== undefined && this.#hasAudio ? audioOutput : 0,
      // Responses can draw by a tool.
      imageOutput !== undefined && (this.call.protocol === 'json' || this.call.protocol === 'responses')
        ? imageOutput
        : 0,
    );
  }

  get #hasAudio(): boolean {
    const { protocol } = this.call;
    this.#audio ??= protocol === 'text' || protocol === 'binary' || readNeeds(this.body).capabilities.has('audio');
    return this.#audio;
  }
}

/** What the call itself allows an answer to have; of two limits the larger, as servers differ in which they keep. */
function ownLimit(body: unknown): number | undefined {
  if (!isRecord(body)) return undefined;
  const { max_tokens: old, max_completion_tokens: completion, max_output_tokens: output } = body;
  const given = [old, completion, output].filter(
    (each) => typeof each === 'number' && each >= 0 && each < Number.POSITIVE_INFINITY,
  );
  return given.length === 0 ? undefined : Math.max(...(given as number[]));
}

function outputOf({ state }: Target, own: number | undefined): number {
  // The call's own goes before: it is what is sent, and a server may allow more than was said of it here.
  return own ?? state.deployment.maxOutputTokens ?? OUTPUT_TOKENS;
}

/** Whether there is an output that is billed: vectors and verdicts are not. */
function answers(protocol: Protocol, body: unknown): boolean {
  if (protocol === 'embeddings') return false;
  // A moderation has an input, and an image a prompt; an upload may be a stream, of which nothing is known.
  return protocol !== 'json' || !isRecord(body) || !('input' in body);
}

/** Of `/completions`: how many are written, and billed, for each one that is handed out. */
function drafts(body: unknown): number {
  if (!isRecord(body) || typeof body.best_of !== 'number') return 1;
  const { best_of: written, n } = body;
  return Math.max(1, written / (typeof n === 'number' && n > 1 ? n : 1));
}
