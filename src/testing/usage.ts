import type { AnswerOptions } from './behaviours.js';
import type { JsonObject } from './json.js';
import { countTokens } from './tokens.js';

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
  readonly reasoningTokens: number;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The script's usage, or counts of prompt and answer. */
export function usageOf(answer: AnswerOptions, input: unknown, outputTokens: number, n: number): Usage | undefined {
  if (answer.usage === false) return undefined;
  const given = answer.usage ?? {};
  const reasoningTokens = given.reasoningTokens ?? n * countTokens(answer.reasoning ?? '');
  return {
    inputTokens: given.inputTokens ?? countTokens(typeof input === 'string' ? input : (JSON.stringify(input) ?? '')),
    outputTokens: given.outputTokens ?? outputTokens + reasoningTokens,
    cachedInputTokens: given.cachedInputTokens ?? 0,
    reasoningTokens,
    extra: given.extra ?? {},
  };
}

/** Usage in the fields of chat and completions. */
export function promptUsage(usage: Usage | undefined): JsonObject | undefined {
  return (
    usage && {
      prompt_tokens: usage.inputTokens,
      completion_tokens: usage.outputTokens,
      total_tokens: usage.inputTokens + usage.outputTokens,
      prompt_tokens_details: { cached_tokens: usage.cachedInputTokens },
      completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      ...usage.extra,
    }
  );
}

/** Usage in the fields of responses. */
export function inputUsage(usage: Usage | undefined): JsonObject | undefined {
  return (
    usage && {
      input_tokens: usage.inputTokens,
      input_tokens_details: { cached_tokens: usage.cachedInputTokens },
      output_tokens: usage.outputTokens,
      output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
      total_tokens: usage.inputTokens + usage.outputTokens,
      ...usage.extra,
    }
  );
}
