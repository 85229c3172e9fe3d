import type { Price, Usage } from '../telemetry/record-types.js';

const TOKENS_PER_PRICE = 1e6;

/** US dollars; `null` where the price or the usage is not known. No token is counted twice, whatever the provider says. */
export function costOf(usage: Usage | null, price: Price | undefined): number | null {
  if (usage === null || price === undefined) return null;
  return round((inputCost(usage, price) + outputCost(usage, price)) / TOKENS_PER_PRICE);
}

/** What was read from the cache or written to it has that price, of whatever kind it is. */
function inputCost(usage: Usage, price: Price): number {
  const { input, cachedInput = input } = price;
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  let left = usage.inputTokens - cached;
  let cost = cached * cachedInput;
  if (usage.cacheWriteTokens !== undefined) {
    const written = Math.min(usage.cacheWriteTokens, left);
    left -= written;
    cost += written * (price.cacheWrite ?? input);
  }
  if (usage.audioInputTokens !== undefined) {
    const audio = Math.min(usage.audioInputTokens, left);
    left -= audio;
    cost += audio * (price.audioInput ?? input);
  }
  if (usage.imageInputTokens !== undefined) {
    const image = Math.min(usage.imageInputTokens, left);
    left -= image;
    cost += image * (price.imageInput ?? input);
  }
  return cost + left * input;
}

function outputCost(usage: Usage, price: Price): number {
  const { output } = price;
  let left = usage.outputTokens;
  let cost = 0;
  if (usage.audioOutputTokens !== undefined) {
    const audio = Math.min(usage.audioOutputTokens, left);
    left -= audio;
    cost += audio * (price.audioOutput ?? output);
  }
  if (usage.imageOutputTokens !== undefined) {
    const image = Math.min(usage.imageOutputTokens, left);
    left -= image;
    cost += image * (price.imageOutput ?? output);
  }
  return cost + left * output;
}

/** To a millionth of a millionth of a dollar: below that there is only the noise of floating point. */
export function round(usd: number): number {
  return Math.round(usd * 1e12) / 1e12;
}
