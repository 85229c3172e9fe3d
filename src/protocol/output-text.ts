import { isRecord } from '../util/is-record.js';

/** All that a model has written in the chunks of a stream: text, reasoning, refusals, calls of tools, of every choice. */
export function writtenText(chunks: readonly unknown[]): string {
  const texts: string[] = [];
  for (const chunk of chunks) {
    if (!isRecord(chunk)) continue;
    if (Array.isArray(chunk.choices)) for (const choice of chunk.choices) readChoice(choice, texts);
    else if (typeof chunk.type === 'string' && chunk.type.endsWith('.delta') && !chunk.type.includes('audio.delta'))
      read(chunk.delta, texts);
  }
  return texts.join('');
}

function readChoice(choice: unknown, texts: string[]): void {
  if (!isRecord(choice)) return;
  read(choice.text, texts);
  read(choice.delta, texts);
}

/** Names of what is not written by the model, and bytes that are no text. */
const NOT_WRITTEN = new Set(['role', 'id', 'type', 'data', 'index']);

function read(value: unknown, texts: string[], depth = 4): void {
  if (typeof value === 'string') texts.push(value);
  else if (depth === 0) return;
  else if (Array.isArray(value)) for (const each of value) read(each, texts, depth - 1);
  else if (isRecord(value)) for (const key in value) if (!NOT_WRITTEN.has(key)) read(value[key], texts, depth - 1);
}
