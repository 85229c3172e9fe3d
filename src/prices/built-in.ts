import type { Price } from '../telemetry/record-types.js';

/** The date of these prices. Records contain it, to distinguish costs from different tables. */
export const BUILT_IN_PRICES_VERSION = '2026-11-22';

/**
 * By the upstream's exact model name: the prices of global-apis.com for three models, and the makers' list prices
 * (standard tier) from @pydantic/genai-prices 0.1.8. Models whose price depends on the hour or on the length of the
 * input are missing, because no single number would be right.
 */
export const BUILT_IN_PRICES: ReadonlyMap<string, Price> = new Map<string, Price>([
  ['deepseek-ai/DeepSeek-V4-Flash', { input: 0.25, output: 0.25 }],
  ['qwen/Qwen3-32B', { input: 0.28, output: 0.28 }],
  ['Pro/deepseek-ai/DeepSeek-V3.2', { input: 2.5, output: 2.5 }],

  ['gpt-4o', { input: 2.5, output: 10, cachedInput: 1.25 }],
  ['gpt-4o-mini', { input: 0.15, output: 0.6, cachedInput: 0.075 }],
  ['gpt-4.1', { input: 2, output: 8, cachedInput: 0.5 }],
  ['gpt-4.1-mini', { input: 0.4, output: 1.6, cachedInput: 0.1 }],
  ['gpt-4.1-nano', { input: 0.1, output: 0.4, cachedInput: 0.025 }],
  ['gpt-5', { input: 1.25, output: 10, cachedInput: 0.125 }],
  ['gpt-5-mini', { input: 0.25, output: 2, cachedInput: 0.025 }],
  ['gpt-5-nano', { input: 0.05, output: 0.4, cachedInput: 0.005 }],
  ['gpt-5.1', { input: 1.25, output: 10, cachedInput: 0.125 }],
  ['gpt-5.2', { input: 1.75, output: 14, cachedInput: 0.175 }],
  ['o3', { input: 2, output: 8, cachedInput: 0.5 }],
  ['o3-mini', { input: 1.1, output: 4.4, cachedInput: 0.55 }],
  ['o4-mini', { input: 1.1, output: 4.4, cachedInput: 0.275 }],
  ['gpt-4o-transcribe', { input: 2.5, output: 10, audioInput: 6 }],
  ['gpt-4o-mini-transcribe', { input: 1.25, output: 5, audioInput: 3 }],
  ['gpt-audio', { input: 2.5, output: 10, audioInput: 32, audioOutput: 64 }],
  ['text-embedding-3-small', { input: 0.02, output: 0 }],
  ['text-embedding-3-large', { input: 0.13, output: 0 }],
  ['text-embedding-ada-002', { input: 0.1, output: 0 }],

  ['claude-haiku-4-5', { input: 1, output: 5, cachedInput: 0.1, cacheWrite: 1.25, cacheWrite1h: 2 }],
  ['claude-opus-4-5', { input: 5, output: 25, cachedInput: 0.5, cacheWrite: 6.25, cacheWrite1h: 10 }],
  ['gemini-2.5-flash', { input: 0.3, output: 2.5, cachedInput: 0.03, audioInput: 1 }],
]);
