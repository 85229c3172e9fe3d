import { isRecord } from '../util/is-record.js';

/**
 * Everything that a model wrote in the chunks of a stream: text, reasoning, refusals and tool calls of every choice.
 */
export function writtenText(chunks: readonly unknown[]): string {
  const texts: string[] = [];
  for (const chunk of chunks) visit(chunk, (text) => texts.push(text));
  return texts.join('');
}

/** The length of that text in one chunk. */
export function writtenLength(chunk: unknown): number {
  let length = 0;
  visit(chunk, (text) => {
    length += text.length;
  });
  return length;
}

/** The text that a chunk adds to the first choice of the answer. */
export function textOfChunk(chunk: unknown): string {
  if (!isRecord(chunk)) return '';
  const { type, delta } = chunk;
  if (type === 'response.output_text.delta' || type === 'transcript.text.delta')
    return typeof delta === 'string' ? delta : '';
  const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
  if (!isRecord(choice)) return '';
  if (typeof choice.text === 'string') return choice.text;
  return isRecord(choice.delta) && typeof choice.delta.content === 'string' ? choice.delta.content : '';
}

/** What a model wrote in a whole answer; `undefined` if answers of this shape have no generated text. */
export function answerText(answer: unknown): string | undefined {
  if (!isRecord(answer)) return undefined;
  const texts: string[] = [];
  const onText = (text: string) => texts.push(text);
  if (Array.isArray(answer.choices)) for (const choice of answer.choices) visitChoice(choice, onText);
  else if (Array.isArray(answer.output)) visitValue(answer.output, onText, 6);
  else return undefined;
  return texts.join('');
}

type OnText = (text: string) => void;

function visit(chunk: unknown, onText: OnText): void {
  if (!isRecord(chunk)) return;
  if (Array.isArray(chunk.choices)) for (const choice of chunk.choices) visitChoice(choice, onText);
  else if (typeof chunk.type === 'string' && chunk.type.endsWith('.delta') && !chunk.type.includes('audio.delta'))
    visitValue(chunk.delta, onText);
}

function visitChoice(choice: unknown, onText: OnText): void {
  if (!isRecord(choice)) return;
  visitValue(choice.text, onText);
  visitValue(choice.delta, onText);
  visitValue(choice.message, onText);
}

/** Fields that the model does not write, and bytes that are not text. */
const NOT_WRITTEN = new Set(['role', 'id', 'call_id', 'type', 'data', 'index', 'status', 'result', 'annotations']);

function visitValue(value: unknown, onText: OnText, depth = 4): void {
  if (typeof value === 'string') onText(value);
  else if (depth === 0) return;
  else if (Array.isArray(value)) for (const each of value) visitValue(each, onText, depth - 1);
  else if (isRecord(value))
    for (const key in value) if (!NOT_WRITTEN.has(key)) visitValue(value[key], onText, depth - 1);
}
