import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { responseEvents } from './response-events.js';

type Json = Record<string, unknown>;

/** The chunks in which a stream would have told a whole answer. */
export function toChunks(protocol: Protocol, data: unknown, wantsUsage: boolean): unknown[] {
  if (!isRecord(data)) return [];
  if (protocol === 'responses') return responseEvents(data);
  const { choices, usage, object: _, ...rest } = data;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isRecord(choice)) return [];
  const base = { ...rest, object: protocol === 'chat' ? 'chat.completion.chunk' : 'text_completion' };
  const unsaid = wantsUsage ? { usage: null } : {};
  const told =
    protocol === 'chat'
      ? chatChoices(choice)
      : [
          { ...choice, finish_reason: null },
          { ...choice, text: '' },
        ];
  return [
    ...told.map((each) => ({ ...base, choices: [each], ...unsaid })),
    ...(wantsUsage ? [{ ...base, choices: [], usage }] : []),
  ];
}

/** Role, what it thought, what it says and calls, and how it ended. */
function chatChoices(choice: Json): Json[] {
  const { message, finish_reason: finishReason, logprobs = null, index = 0, ...rest } = choice;
  const { role = 'assistant', content, refusal: _, tool_calls: calls, ...others } = isRecord(message) ? message : {};
  const part = (delta: Json, more: Json = {}) => ({ index, delta, logprobs: null, finish_reason: null, ...more });
  const said = Object.entries(others).filter(([, value]) => !isNothing(value));
  return [
    part({ role, content: '' }),
    ...(said.length > 0 ? [part(Object.fromEntries(said))] : []),
    ...(content === null || content === undefined ? [] : [part({ content }, { logprobs })]),
    ...(Array.isArray(calls) ? [part({ tool_calls: calls.map((call: Json, i) => ({ index: i, ...call })) })] : []),
    part({}, { ...rest, finish_reason: finishReason }),
  ];
}

const isNothing = (value: unknown) =>
  value === null || value === undefined || (Array.isArray(value) && value.length === 0);

/** The whole answer that a stream has told; `undefined` where it has told something that cannot be put together. */
export function fromChunks(protocol: Protocol, chunks: readonly unknown[]): unknown {
  if (protocol === 'responses') {
    const last = chunks.findLast((chunk) => isRecord(chunk) && chunk.type === 'response.completed');
    return isRecord(last) ? last.response : undefined;
  }
  const whole: Json = {};
  const choice: Json = { index: 0, logprobs: null, finish_reason: null };
  const message: Json = {};
  for (const chunk of chunks) {
    if (!isRecord(chunk)) return undefined;
    const { choices, usage, obfuscation: _, ...rest } = chunk;
    for (const name in rest) whole[name] ??= rest[name];
    if (isRecord(usage)) whole.usage = usage;
    const [told]: unknown[] = Array.isArray(choices) ? choices : [];
    if (!isRecord(told)) continue;
    const { delta, text, logprobs, ...fields } = told;
    for (const [name, value] of Object.entries(fields)) if (value !== null) choice[name] = value;
    if (isRecord(logprobs) && !add(choice, 'logprobs', logprobs)) return undefined;
    if (typeof text === 'string' && !add(choice, 'text', text)) return undefined;
    if (isRecord(delta) && !Object.entries(delta).every(([name, value]) => add(message, name, value))) return undefined;
  }
  whole.object = protocol === 'chat' ? 'chat.completion' : 'text_completion';
  if (protocol === 'chat') choice.message = { content: null, refusal: null, ...message };
  whole.choices = [choice];
  return whole;
}

/** Adds a piece to what came before it. False where nobody can say how. */
function add(to: Json, name: string, piece: unknown): boolean {
  if (name === '__proto__') return false;
  const before = to[name];
  if (piece === null || piece === undefined) return true;
  if (name === 'tool_calls') return addCalls(to, piece);
  if (before === null || before === undefined || name === 'role') to[name] = piece;
  else if (typeof before === 'string' && typeof piece === 'string') to[name] = before + piece;
  else if (Array.isArray(before) && Array.isArray(piece)) to[name] = [...before, ...piece];
  else if (isRecord(before) && isRecord(piece)) {
    const copy = { ...before };
    to[name] = copy;
    return Object.entries(piece).every(([key, value]) => add(copy, key, value));
  } else return before === piece;
  return true;
}

/** Tool calls come in pieces by their index, of which only the arguments are in several. */
function addCalls(to: Json, pieces: unknown): boolean {
  if (!Array.isArray(pieces)) return false;
  const calls: unknown[] = Array.isArray(to.tool_calls) ? [...to.tool_calls] : [];
  for (const piece of pieces) {
    if (!isRecord(piece) || typeof piece.index !== 'number') return false;
    const { index, ...rest } = piece;
    if (index > calls.length) return false;
    const known = calls[index];
    const call: Json = isRecord(known) ? { ...known } : {};
    calls[index] = call;
    for (const [name, value] of Object.entries(rest)) {
      if ((name === 'id' || name === 'type') && call[name] !== undefined) continue;
      if (!add(call, name, value)) return false;
    }
  }
  to.tool_calls = calls;
  return true;
}
