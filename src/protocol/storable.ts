import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';

/** Whether an answer is whole, and of the kind that may be given again: not cut short, filtered, refused or empty. */
export function isStorable(protocol: Protocol, data: unknown, toolCalls: boolean): boolean {
  if (!isRecord(data) || isRecord(data.error)) return false;
  if (protocol === 'responses') return isWholeResponse(data, toolCalls);
  const choice: unknown = Array.isArray(data.choices) && data.choices.length === 1 ? data.choices[0] : undefined;
  if (!isRecord(choice)) return false;
  if (protocol === 'completions') return choice.finish_reason === 'stop' && isFilled(choice.text);
  return (
    protocol === 'chat' && isRecord(choice.message) && isWholeMessage(choice.message, choice.finish_reason, toolCalls)
  );
}

function isWholeMessage(message: Record<string, unknown>, finishReason: unknown, toolCalls: boolean): boolean {
  if (isFilled(message.refusal) || isRecord(message.audio)) return false;
  const callsTools = isFilled(message.tool_calls) || isRecord(message.function_call);
  if (callsTools) return toolCalls && /^(stop|tool_calls|function_call)$/.test(String(finishReason));
  return finishReason === 'stop' && isFilled(message.content);
}

function isWholeResponse(
  { status, output, incomplete_details: cut }: Record<string, unknown>,
  toolCalls: boolean,
): boolean {
  if (status !== 'completed' || isRecord(cut) || !Array.isArray(output) || output.length === 0) return false;
  return output.every((item) => isWholeItem(item, toolCalls)) && output.some((item) => item.type !== 'reasoning');
}

function isWholeItem(item: unknown, toolCalls: boolean): boolean {
  if (!isRecord(item)) return false;
  switch (item.type) {
    case 'message':
      return isFilled(item.content) && Array.isArray(item.content) && item.content.every(isText);
    case 'reasoning':
      return true;
    case 'function_call':
    case 'custom_tool_call':
      return toolCalls;
    default:
      return false;
  }
}

const isText = (part: unknown) => isRecord(part) && part.type === 'output_text' && typeof part.text === 'string';
const isFilled = (value: unknown) => (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
