import type { Protocol } from '../types.js';
import { isGiven, isRecord } from '../util/is-record.js';
import { responseEvents } from './response-events.js';

type Json = Record<string, unknown>;

/** The chunks in which a stream would send a whole answer; none if that is unknown. */
export function toChunks(protocol: Protocol, data: unknown, wantsUsage: boolean): unknown[] {
  if (!isRecord(data)) return [];
  if (protocol === 'responses') return responseEvents(data);
  const { choices, usage, object: _, ...rest } = data;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isRecord(choice)) return [];
  const base = { ...rest, object: protocol === 'chat' ? 'chat.completion.chunk' : 'text_completion' };
  const noUsage = wantsUsage ? { usage: null } : {};
  const pieces =
    protocol === 'chat'
      ? chatChoices(choice)
      : [
          { ...choice, finish_reason: null },
          { ...choice, text: '' },
        ];
  return [
    ...pieces.map((piece) => ({ ...base, choices: [piece], ...noUsage })),
    ...(wantsUsage ? [{ ...base, choices: [], usage }] : []),
  ];
}

/** Role, reasoning, content, tool calls, and the finish reason. */
function chatChoices(choice: Json): Json[] {
  const { message, finish_reason: finishReason, logprobs = null, index = 0, ...rest } = choice;
  const { role = 'assistant', content, refusal: _, tool_calls: calls, ...others } = isRecord(message) ? message : {};
  const part = (delta: Json, more: Json = {}) => ({ index, delta, logprobs: null, finish_reason: null, ...more });
  const extensions = Object.entries(others).filter(([, value]) => !isNothing(value));
  return [
    // As OpenAI begins: empty text, or null if only tools are called.
    part({ role, content: isNothing(content) ? null : '' }),
    ...(extensions.length > 0 ? [part(Object.fromEntries(extensions))] : []),
    ...(isGiven(content) ? [part({ content }, { logprobs })] : []),
    ...(Array.isArray(calls) ? [part({ tool_calls: calls.map((call: Json, i) => ({ index: i, ...call })) })] : []),
    part({}, { ...rest, finish_reason: finishReason }),
  ];
}

const isNothing = (value: unknown) => !isGiven(value) || (Array.isArray(value) && value.length === 0);
