import type { Price } from '../types.js';

/** The day on which these prices were looked up. */
export const BUILT_IN_PRICES_VERSION = '2026-11-22';

/** OpenAI's list prices for its standard tier, and those of the aggregator's models, by the upstream's exact name. */
export const BUILT_IN_PRICES: ReadonlyMap<string, Price> = new Map<string, Price>([
  ['deepseek-ai/DeepSeek-V4-Flash', { input: 0.25, output: 0.25 }],
  ['qwen/Qwen3-32B', { input: 0.28, output: 0.28 }],
  ['Pro/deepseek-ai/DeepSeek-V3.2', { input: 2.5, output: 2.5 }],
]);
