import type { LongContextPrice, Price, TierPrice, TokenPrice, Usage } from '../telemetry/record-types.js';

const TOKENS_PER_PRICE = 1e6;

/** Calls of tools that the provider ran, by the tool's name. */
export type ToolCalls = Readonly<Record<string, number>>;

/** The cost of an attempt at a price: the known part, and the names of parts without a price. */
export interface Bill {
  readonly usd: number;
  readonly unpriced: readonly string[];
}

/** US dollars; `null` if the price, the usage or a part of it is unknown. */
export function costOf(usage: Usage | null, price: Price | undefined): number | null {
  if (usage === null || price === undefined) return null;
  const { usd, unpriced } = billOf(usage, priceAtLength(price, usage.inputTokens), {});
  return unpriced.length === 0 ? usd : null;
}

/** Counts no token twice, whatever the provider reports. `price` is the applicable price: see `priceFor`. */
export function billOf(usage: Usage, price: TierPrice, toolCalls: ToolCalls): Bill {
  const unpriced: string[] = [];
  const { cacheWrite1hTokens = 0, seconds = 0, inputTokens, outputTokens } = usage;
  if (cacheWrite1hTokens > 0 && price.cacheWrite !== undefined && price.cacheWrite1h === undefined)
    unpriced.push('cacheWrite1h');
  // Next to tokens, seconds may only be information; alone, they are billed.
  if (seconds > 0 && price.perSecond === undefined && inputTokens + outputTokens === 0) unpriced.push('seconds');
  let fees = seconds * (price.perSecond ?? 0);
  for (const [tool, calls] of Object.entries(toolCalls)) {
    const fee = price.tools !== undefined && Object.hasOwn(price.tools, tool) ? price.tools[tool] : undefined;
    if (fee !== undefined) fees += calls * fee;
    else if (calls > 0) unpriced.push(tool);
  }
  const usd = round((inputCost(usage, price) + outputCost(usage, price)) / TOKENS_PER_PRICE + fees);
  return { usd, unpriced };
}

/** These tiers, and no tier, have the listed price. */
const LISTED_TIERS = new Set(['default', 'standard', 'on_demand', 'auto', '']);

export function isListedTier(tier: string | undefined): boolean {
  return tier === undefined || LISTED_TIERS.has(tier.toLowerCase());
}

/** The price of a request at a service tier and input length; `undefined` if the tier has none. */
export function priceFor(price: Price, tier: string | undefined, inputTokens: number): TierPrice | undefined {
  if (tier === undefined || isListedTier(tier)) return priceAtLength(price, inputTokens);
  const name = tier.toLowerCase();
  const found = price.tiers !== undefined && Object.hasOwn(price.tiers, name) ? price.tiers[name] : undefined;
  if (found === undefined) return undefined;
  if (typeof found === 'number') return scale(priceAtLength(price, inputTokens), found, found);
  const { perSecond, tools } = price;
  const fees = { ...(perSecond !== undefined && { perSecond }), ...(tools !== undefined && { tools }) };
  return priceAtLength({ ...fees, ...found }, inputTokens);
}

/** All prices that a request with at most this many input tokens may have at a tier. A limit reserves the highest. */
export function pricesUpTo(price: Price, tier: string | undefined, inputTokens: number): TierPrice[] | undefined {
  if (tier === undefined && price.longContext === undefined) return [price];
  if (tier?.toLowerCase() === 'auto') {
    const tiers = [undefined, ...Object.keys(price.tiers ?? {})];
    return tiers.flatMap((each) => pricesUpTo(price, each, inputTokens) ?? []);
  }
  const lengths = [...(price.longContext ?? []), ...ownLongContext(price, tier)].map(({ above }) => above + 1);
  const prices: TierPrice[] = [];
  for (const length of [0, ...lengths]) {
    const found = length <= inputTokens ? priceFor(price, tier, length) : undefined;
    if (found !== undefined) prices.push(found);
  }
  return prices.length === 0 ? undefined : prices;
}

function ownLongContext({ tiers }: Price, tier: string | undefined): readonly LongContextPrice[] {
  const own = tier === undefined ? undefined : tiers?.[tier.toLowerCase()];
  return typeof own === 'object' ? (own.longContext ?? []) : [];
}

function priceAtLength(price: TierPrice, inputTokens: number): TierPrice {
  let found: LongContextPrice | undefined;
  for (const each of price.longContext ?? [])
    if (inputTokens > each.above && each.above >= (found?.above ?? 0)) found = each;
  if (found === undefined) return price;
  const { above: _, ...own } = found;
  const ratio = (long: number, short: number) => (short === 0 ? 1 : long / short);
  return { ...scale(price, ratio(found.input, price.input), ratio(found.output, price.output)), ...own };
}

const INPUT_PARTS = ['input', 'cachedInput', 'cacheWrite', 'cacheWrite1h', 'audioInput', 'imageInput'] as const;
const OUTPUT_PARTS = ['output', 'audioOutput', 'imageOutput'] as const;

/** Scales token prices; fees and seconds stay unchanged. */
function scale(price: TierPrice, input: number, output: number): TierPrice {
  const scaled: TokenPrice = { ...price };
  for (const part of INPUT_PARTS) if (scaled[part] !== undefined) scaled[part] *= input;
  for (const part of OUTPUT_PARTS) if (scaled[part] !== undefined) scaled[part] *= output;
  return scaled;
}

/** Tokens that were read from or written to the cache have that price, whatever their kind. */
function inputCost(usage: Usage, price: TokenPrice): number {
  const { input, cachedInput = input, cacheWrite = input } = price;
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  let left = usage.inputTokens - cached;
  let cost = cached * cachedInput;
  if (usage.cacheWriteTokens !== undefined) {
    const written = Math.min(usage.cacheWriteTokens, left);
    const forAnHour = Math.min(usage.cacheWrite1hTokens ?? 0, written);
    left -= written;
    cost += (written - forAnHour) * cacheWrite + forAnHour * (price.cacheWrite1h ?? cacheWrite);
  }
  const { audioInputTokens, imageInputTokens } = usage;
  return cost + mixedCost(left, input, [audioInputTokens, price.audioInput], [imageInputTokens, price.imageInput]);
}

function outputCost({ outputTokens, audioOutputTokens, imageOutputTokens }: Usage, price: TokenPrice): number {
  const { output, audioOutput, imageOutput } = price;
  return mixedCost(outputTokens, output, [audioOutputTokens, audioOutput], [imageOutputTokens, imageOutput]);
}

type Kind = readonly [tokens: number | undefined, price: number | undefined];

/** The cost of tokens of several kinds. What no kind with its own price takes costs `price`. */
function mixedCost(tokens: number, price: number, ...kinds: readonly Kind[]): number {
  let left = tokens;
  let cost = 0;
  for (const [given = 0, own = price] of kinds) {
    const part = Math.min(given, left);
    left -= part;
    cost += part * own;
  }
  return cost + left * price;
}

/** Rounds to a trillionth of a dollar: below that is only floating-point noise. */
export function round(usd: number): number {
  return Math.round(usd * 1e12) / 1e12;
}
