import type { ToolCalls } from '../prices/cost.js';
import type { Usage } from '../telemetry/record-types.js';
import { isGiven, isRecord } from '../util/is-record.js';

type Fields = Record<string, unknown>;
const NONE: Fields = {};

/**
 * Converts a provider's `usage` object, or returns `null` if it has neither tokens nor seconds. The shapes differ: chat
 * has `prompt_tokens`; responses, images and audio say `input_tokens`, Bedrock `inputTokens`. DeepSeek, Moonshot and
 * Alibaba put cached tokens elsewhere, Anthropic's input is without what was cached, Gemini and xAI leave reasoning out
 * of the output, and Gemini counts the prompts of its own tools in the total only.
 */
export function readUsage(usage: unknown): Usage | null {
  if (!isRecord(usage)) return null;
  const seconds = secondsOf(usage);
  const isChat = isGiven(usage.prompt_tokens);
  const base = count(isChat ? usage.prompt_tokens : (usage.input_tokens ?? usage.inputTokens));
  const reported = isChat ? usage.completion_tokens : (usage.output_tokens ?? usage.outputTokens);
  const output = isGiven(reported) ? count(reported) : 0;
  if (base === undefined || output === undefined) {
    if (seconds === undefined || isGiven(usage.prompt_tokens) || isGiven(usage.input_tokens)) return null;
    return { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0, seconds };
  }

  const details = fields(usage.prompt_tokens_details ?? usage.input_tokens_details ?? usage.input_token_details);
  const outputDetails = fields(
    usage.completion_tokens_details ?? usage.output_tokens_details ?? usage.output_token_details,
  );
  const cached =
    count(details.cached_tokens) ??
    count(usage.prompt_cache_hit_tokens) ??
    count(usage.cache_read_input_tokens) ??
    count(usage.cacheReadInputTokens) ??
    count(usage.cached_tokens) ??
    0;
  const anHour = writtenForAnHour(usage, details);
  const written =
    count(details.cache_write_tokens) ??
    count(details.cache_creation_input_tokens) ??
    count(details.cache_creation_tokens) ??
    count(usage.cache_creation_input_tokens) ??
    count(usage.cacheWriteInputTokens) ??
    anHour;
  const total = count(usage.total_tokens ?? usage.totalTokens);
  const audioInput = count(details.audio_tokens) ?? 0;
  const imageInput = count(details.image_tokens) ?? 0;
  const audioOutput = count(outputDetails.audio_tokens) ?? 0;
  const imageOutput = count(outputDetails.image_tokens) ?? 0;

  // Parts that exceed their total are not included in it.
  const outsideCache = cacheOutside(usage, { base, output, cached, written, total });
  const medium = audioInput + imageInput;
  const whole = base + outsideCache + (medium > base + outsideCache ? medium : 0);
  const made = audioOutput + imageOutput;
  const answer = output + (made > output ? made : 0);
  const reasoning = count(outputDetails.reasoning_tokens) ?? count(usage.reasoning_tokens);
  const hidden = isGiven(reported) && total !== undefined ? Math.max(0, total - whole - answer) : 0;
  const { toolPrompts, thoughts } = splitHidden(hidden, answer, reasoning, toolPromptsOf(usage, details));

  const read: Usage = {
    inputTokens: whole + toolPrompts,
    outputTokens: answer + thoughts,
    cachedInputTokens: cached,
    reasoningTokens: Math.max(reasoning ?? 0, thoughts),
  };
  if (written > 0) read.cacheWriteTokens = written;
  if (anHour > 0) read.cacheWrite1hTokens = Math.min(anHour, written);
  if (audioInput > 0) read.audioInputTokens = audioInput;
  if (imageInput > 0) read.imageInputTokens = imageInput;
  if (audioOutput > 0) read.audioOutputTokens = audioOutput;
  if (imageOutput > 0) read.imageOutputTokens = imageOutput;
  if (seconds !== undefined && seconds > 0) read.seconds = seconds;
  return read;
}

/** OpenAI bills Whisper by the second, and Mistral its transcriptions. */
function secondsOf({ seconds, prompt_audio_seconds: prompt }: Fields): number | undefined {
  return amount(seconds) ?? amount(prompt);
}

/** Anthropic separates cache writes by their lifetime. */
function writtenForAnHour(usage: Fields, details: Fields): number {
  const split = fields(usage.cache_creation ?? details.cache_creation ?? details.cache_creation_token_details);
  return count(split.ephemeral_1h_input_tokens) ?? 0;
}

/** Tokens that Gemini's own tools added to the prompt. */
function toolPromptsOf(usage: Fields, details: Fields): number | undefined {
  return (
    count(usage.tool_use_prompt_tokens) ??
    count(usage.tool_use_prompt_token_count) ??
    count(details.tool_use_prompt_tokens) ??
    count(details.tool_use_tokens)
  );
}

/**
 * How many tokens of the provider's cache are not included in `base`, as in Anthropic's own shape. A gateway may
 * include them or not: then the total shows it, or that the parts exceed the whole.
 */
function cacheOutside(
  usage: Fields,
  {
    base,
    output,
    cached,
    written,
    total,
  }: { base: number; output: number; cached: number; written: number; total: number | undefined },
): number {
  const separate = cached + written;
  if (separate === 0) return 0;
  if (total !== undefined && total > base + output)
    for (const outside of [separate, cached, written]) if (total === base + output + outside) return outside;
  if (separate > base) return separate;
  const isAnthropic = isGiven(usage.cache_read_input_tokens) || isGiven(usage.cache_creation_input_tokens);
  const isBedrock = isGiven(usage.inputTokens);
  const isNative = !isGiven(usage.prompt_tokens) && !isGiven(usage.input_tokens_details);
  return total === undefined && (isAnthropic || isBedrock) && isNative ? separate : 0;
}

/**
 * Tokens that only the total includes are reasoning, or prompts of the provider's own tools. Listed reasoning is part
 * of the output unless it is exactly the missing amount, or more than the output.
 */
function splitHidden(
  hidden: number,
  output: number,
  reasoning: number | undefined,
  toolPrompts: number | undefined,
): { toolPrompts: number; thoughts: number } {
  const outside = reasoning !== undefined && reasoning > output ? reasoning : 0;
  if (toolPrompts !== undefined) {
    const ofTools = Math.min(hidden, toolPrompts);
    return { toolPrompts: ofTools, thoughts: Math.max(outside, hidden - ofTools) };
  }
  if (reasoning === undefined || hidden === reasoning) return { toolPrompts: 0, thoughts: hidden };
  return { toolPrompts: Math.max(0, hidden - outside), thoughts: outside };
}

/** xAI counts in ten-billionths of a dollar. */
const TICKS_PER_USD = 1e10;
/** A higher cost per token than the highest price that the router accepts is implausible. */
const MAX_USD_PER_TOKEN = 1;

/**
 * The cost of the request that the provider reports, in US dollars: OpenRouter's `cost`, plus the upstream's charge for
 * your own key; Perplexity's `cost.total_cost`; xAI's ticks; DeepInfra's estimate. `undefined` without a plausible
 * value.
 */
export function providerCostOf(usage: unknown): number | undefined {
  if (!isRecord(usage)) return undefined;
  const { cost, cost_in_usd_ticks: ticks, estimated_cost: estimated } = usage;
  const inTicks = amount(ticks);
  const own = amount(isRecord(cost) ? cost.total_cost : cost);
  const upstream = usage.is_byok === true ? (amount(fields(usage.cost_details).upstream_inference_cost) ?? 0) : 0;
  const usd = own !== undefined ? own + upstream : inTicks === undefined ? amount(estimated) : inTicks / TICKS_PER_USD;
  if (usd === undefined) return undefined;
  const read = readUsage(usage);
  const tokens = read === null ? 0 : read.inputTokens + read.outputTokens;
  return usd <= Math.max(1, tokens) * MAX_USD_PER_TOKEN ? usd : undefined;
}

/** Tools that run at the caller, or that cost nothing but tokens. */
const FREE_TOOLS = new Set([
  'function',
  'custom_tool',
  'mcp',
  'computer',
  'local_shell',
  'shell',
  'apply_patch',
  'tool_search',
  'web_fetch',
  'memory',
]);
/** Names of tools come from outside. */
const MAX_TOOLS = 32;
const MAX_TOOL_NAME = 64;
const NO_TOOLS: ToolCalls = {};

/**
 * Tool calls that the provider ran and may charge for: by its counters in `usage`, and by the items of a response's
 * output. The larger number counts.
 */
export function toolCallsOf(usage: unknown, output: unknown): ToolCalls {
  if (!Array.isArray(output) && !(isRecord(usage) && hasCounters(usage))) return NO_TOOLS;
  const found = new Map<string, number>();
  const add = (tool: string, calls: number) => {
    if (calls <= 0 || FREE_TOOLS.has(tool) || tool.length > MAX_TOOL_NAME) return;
    if (found.size < MAX_TOOLS || found.has(tool)) found.set(tool, calls);
  };
  if (Array.isArray(output)) for (const item of output) addItem(item, (tool) => add(tool, (found.get(tool) ?? 0) + 1));
  if (isRecord(usage)) {
    for (const [tool, calls] of countersOf(usage)) add(tool, Math.max(calls, found.get(tool) ?? 0));
  }
  return Object.fromEntries(found);
}

function addItem(item: unknown, add: (tool: string) => void): void {
  if (!isRecord(item) || typeof item.type !== 'string' || !item.type.endsWith('_call')) return;
  const tool = item.type.slice(0, -'_call'.length);
  // Opening a page that a search found is free.
  const action = fields(item.action).type;
  if (tool === 'web_search' && isGiven(action) && action !== 'search') return;
  add(tool);
}

function hasCounters(usage: Fields): boolean {
  return (
    isGiven(usage.num_search_queries) || isGiven(usage.server_tool_use) || isGiven(usage.server_side_tool_usage_details)
  );
}

function countersOf(usage: Fields): [tool: string, calls: number][] {
  const counters: [string, unknown][] = [['web_search', usage.num_search_queries]];
  for (const [name, calls] of Object.entries(fields(usage.server_tool_use)))
    if (name.endsWith('_requests')) counters.push([name.slice(0, -'_requests'.length), calls]);
  for (const [name, calls] of Object.entries(fields(usage.server_side_tool_usage_details)))
    if (name.endsWith('_calls')) counters.push([name.slice(0, -'_calls'.length), calls]);
  return counters.flatMap(([tool, calls]) => {
    const number = count(calls);
    return number === undefined ? [] : [[tool, number]];
  });
}

function fields(value: unknown): Fields {
  return isRecord(value) ? value : NONE;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

/** Not only whole numbers: the Whisper API has sent them as text. */
function amount(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return count(number);
}
