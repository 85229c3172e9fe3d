import type { Usage } from '../telemetry/record-types.js';
import { isRecord } from '../util/is-record.js';

type Fields = Record<string, unknown>;
const NONE: Fields = {};

/**
 * A provider's `usage` object in the router's words, or `null` where it tells no tokens. The shapes differ: chat says
 * `prompt_tokens`, responses, images and audio `input_tokens`; DeepSeek, Moonshot and Alibaba put cached tokens elsewhere;
 * Anthropic's input is without what was cached; Gemini and xAI leave reasoning out of the output.
 */
export function readUsage(usage: unknown): Usage | null {
  if (!isRecord(usage)) return null;
  const isChat = isGiven(usage.prompt_tokens);
  const base = count(isChat ? usage.prompt_tokens : usage.input_tokens);
  const told = isChat ? usage.completion_tokens : usage.output_tokens;
  const output = isGiven(told) ? count(told) : 0;
  if (base === undefined || output === undefined) return null;

  const details = fields(usage.prompt_tokens_details ?? usage.input_tokens_details ?? usage.input_token_details);
  const outputDetails = fields(
    usage.completion_tokens_details ?? usage.output_tokens_details ?? usage.output_token_details,
  );
  const cached =
    count(details.cached_tokens) ??
    count(usage.prompt_cache_hit_tokens) ??
    count(usage.cache_read_input_tokens) ??
    count(usage.cached_tokens) ??
    0;
  const written =
    count(details.cache_write_tokens) ??
    count(details.cache_creation_input_tokens) ??
    count(details.cache_creation_tokens) ??
    count(usage.cache_creation_input_tokens) ??
    0;
  const total = count(usage.total_tokens);
  const isWithout = excludesCache(usage, { base, output, aside: cached + written, total });
  const inputTokens = isWithout ? base + cached + written : base;
  const hidden = isGiven(told) && total !== undefined ? Math.max(0, total - inputTokens - output) : 0;

  const read: Usage = {
    inputTokens,
    outputTokens: output + hidden,
    cachedInputTokens: cached,
    reasoningTokens: Math.max(count(outputDetails.reasoning_tokens) ?? 0, hidden),
  };
  if (written > 0) read.cacheWriteTokens = written;
  const audioInput = count(details.audio_tokens);
  const imageInput = count(details.image_tokens);
  const audioOutput = count(outputDetails.audio_tokens);
  const imageOutput = count(outputDetails.image_tokens);
  if (audioInput) read.audioInputTokens = audioInput;
  if (imageInput) read.imageInputTokens = imageInput;
  if (audioOutput) read.audioOutputTokens = audioOutput;
  if (imageOutput) read.imageOutputTokens = imageOutput;
  return read;
}

/**
 * Whether `base` is the input without what was read from the cache or written to it: so in Anthropic's own shape. Through
 * a shim it may be either; then the sum tells, or that the parts are more than the whole.
 */
function excludesCache(
  usage: Fields,
  { base, output, aside, total }: { base: number; output: number; aside: number; total: number | undefined },
): boolean {
  const isAnthropics = isGiven(usage.cache_read_input_tokens) || isGiven(usage.cache_creation_input_tokens);
  if (!isAnthropics || aside === 0) return false;
  if (aside > base || total === base + output + aside) return true;
  return total === undefined && !isGiven(usage.prompt_tokens) && !isGiven(usage.input_tokens_details);
}

const isGiven = (value: unknown) => value !== undefined && value !== null;

function fields(value: unknown): Fields {
  return isRecord(value) ? value : NONE;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
