import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';

type Json = Record<string, unknown>;

/** Whether an answer is complete and may be cached: not cut short, filtered, refused or empty. */
export function isStorable(protocol: Protocol, data: unknown, toolCalls: boolean): boolean {
  if (!isRecord(data) || isRecord(data.error)) return false;
  if (protocol === 'responses') return isWholeResponse(data, toolCalls);
  const choice: unknown = Array.isArray(data.choices) && data.choices.length === 1 ? data.choices[0] : undefined;
  if (!isRecord(choice)) return false;
  if (protocol === 'completions') return choice.finish_reason === 'stop' && isFilled(choice.text);
  return (
    protocol === 'chat' &&
    isRecord(choice.message) &&
    isWholeChoice(partsOf(choice.message), choice.finish_reason, toolCalls)
  );
}

/** The same check for a stream, chunk by chunk, without assembling the answer. */
export interface StorableCheck {
  read(chunk: unknown): void;
  readonly isStorable: boolean;
}

export function storableCheck(protocol: Protocol, toolCalls: boolean): StorableCheck {
  return protocol === 'responses' ? new StorableResponse(toolCalls) : new StorableChoices(protocol, toolCalls);
}

class StorableResponse implements StorableCheck {
  isStorable = false;

  constructor(readonly toolCalls: boolean) {}

  read(chunk: unknown): void {
    if (isRecord(chunk) && chunk.type === 'response.completed' && isRecord(chunk.response))
      this.isStorable = isWholeResponse(chunk.response, this.toolCalls);
  }
}

class StorableChoices implements StorableCheck {
  #finishReason: unknown;
  #hasOthers = false;
  readonly #parts: Parts = { content: false, refusal: false, audio: false, calls: false };

  constructor(
    readonly protocol: Protocol,
    readonly toolCalls: boolean,
  ) {}

  get isStorable(): boolean {
    if (this.#hasOthers) return false;
    const isWhole = isWholeChoice(this.#parts, this.#finishReason, this.toolCalls);
    return (this.protocol === 'chat' || this.protocol === 'completions') && isWhole;
  }

  read(chunk: unknown): void {
    if (!isRecord(chunk)) return;
    if (isRecord(chunk.error)) this.#hasOthers = true;
    if (!Array.isArray(chunk.choices)) return;
    for (const choice of chunk.choices) {
      if (!isRecord(choice)) continue;
      if ((choice.index ?? 0) !== 0) this.#hasOthers = true;
      if (choice.finish_reason) this.#finishReason = choice.finish_reason;
      const parts = this.protocol === 'chat' ? partsOf(choice.delta) : partsOf({ content: choice.text });
      this.#parts.content ||= parts.content;
      this.#parts.refusal ||= parts.refusal;
      this.#parts.audio ||= parts.audio;
      this.#parts.calls ||= parts.calls;
    }
  }
}

/** The parts of a message. */
interface Parts {
  content: boolean;
  refusal: boolean;
  audio: boolean;
  calls: boolean;
}

function partsOf(message: unknown): Parts {
  const { content, refusal, audio, tool_calls: calls, function_call: call }: Json = isRecord(message) ? message : {};
  return {
    content: isFilled(content),
    refusal: isFilled(refusal),
    audio: isRecord(audio),
    calls: isFilled(calls) || isRecord(call),
  };
}

function isWholeChoice({ content, refusal, audio, calls }: Parts, finishReason: unknown, toolCalls: boolean): boolean {
  if (refusal || audio) return false;
  if (calls) return toolCalls && /^(stop|tool_calls|function_call)$/.test(String(finishReason));
  return finishReason === 'stop' && content;
}

function isWholeResponse({ status, output, incomplete_details: cut }: Json, toolCalls: boolean): boolean {
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
