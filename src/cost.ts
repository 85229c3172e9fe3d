import type { Price, Usage } from './types.js';
import { isRecord } from './util/is-record.js';

const TOKENS_PER_PRICE = 1e6;

/** A provider's `usage` object, of chat, completions, embeddings or responses, in the router's words. */
export function readUsage(usage: unknown): Usage | null {
  if (!isRecord(usage)) return null;
  const inputTokens = count(usage.prompt_tokens) ?? count(usage.input_tokens);
  const outputTokens = count(usage.completion_tokens) ?? count(usage.output_tokens) ?? 0;
  if (inputTokens === undefined) return null;
  const input = isRecord(usage.prompt_tokens_details) ? usage.prompt_tokens_details : usage.input_tokens_details;
  const output = isRecord(usage.completion_tokens_details)
    ? usage.completion_tokens_details
    : usage.output_tokens_details;
  return {
    inputTokens,
    outputTokens,
    cachedInputTokens: detail(input, 'cached_tokens') ?? count(usage.prompt_cache_hit_tokens) ?? 0,
    reasoningTokens: detail(output, 'reasoning_tokens') ?? 0,
  };
}

/** US dollars; `null` where the price or the usage is not known. Cached tokens are part of the input, reasoning of the output. */
export function costOf(usage: Usage | null, price: Price | undefined): number | null {
  if (usage === null || price === undefined) return null;
  const cached = Math.min(usage.cachedInputTokens, usage.inputTokens);
  const input = (usage.inputTokens - cached) * price.input + cached * (price.cachedInput ?? price.input);
  return round((input + usage.outputTokens * price.output) / TOKENS_PER_PRICE);
}

/** To a millionth of a millionth of a dollar: below that there is only the noise of floating point. */
export function round(usd: number): number {
  return Math.round(usd * 1e12) / 1e12;
}

function detail(details: unknown, name: string): number | undefined {
  return isRecord(details) ? count(details[name]) : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
