import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { imageSizeOf } from './image-size.js';
import type { Image } from './image-tokens.js';

/** What a request gives its model to read. */
export interface Input {
  readonly texts: string[];
  readonly images: Image[];
  messages: number;
  /** Tokens that need no estimate: those of token arrays, and flat numbers for files and sound. */
  flat: number;
  /** What is in the texts; there once it was counted, so that a second model needs no second look. */
  counts?: readonly number[];
}

/** A file of which only the name or the address is known. */
const FILE_TOKENS = 1500;
/** A second of sound, by the model that counts most, and the least bytes that it has. */
const AUDIO_TOKENS_PER_SECOND = 25;
const AUDIO_BYTES_PER_SECOND = { wav: 16_000, other: 4000 } as const;
const BYTES_PER_TOKEN = { pdf: 10, other: 3 } as const;
const TOOL_CALL_TOKENS = 6;
const DEEPEST = 16;
/** What of a message or a part is not for the model to read. */
const NOT_READ = new Set([
  'type',
  'role',
  'id',
  'call_id',
  'tool_call_id',
  'status',
  'cache_control',
  'detail',
  'phase',
]);

/** Reads a request's body. What is kept on a server (a conversation, a stored prompt) cannot be seen, and is not counted. */
export function readInput(body: unknown, protocol: Protocol): Input {
  const input: Input = { texts: [], images: [], messages: 0, flat: 0 };
  if (body instanceof FormData) readForm(input, body);
  if (!isRecord(body)) return input;
  addJson(input, body.tools);
  addJson(input, body.functions);
  addJson(input, schemaOf(body.response_format));
  addJson(input, schemaOf(isRecord(body.text) ? body.text.format : undefined));
  if (protocol === 'chat') readMessages(input, body.messages);
  else if (protocol === 'responses') readMessages(input, body.input);
  else readPrompts(input, body.input);
  readPrompts(input, body.prompt);
  addString(input, body.suffix);
  if (typeof body.instructions === 'string') {
    input.messages++;
    input.texts.push(body.instructions);
  }
  return input;
}

/** The text fields of a form; its files are sound and images, which are not billed by what they hold. */
function readForm(input: Input, form: FormData): void {
  for (const name of ['prompt', 'instructions']) addString(input, form.get(name));
}

function readMessages(input: Input, messages: unknown): void {
  if (typeof messages === 'string') {
    input.messages++;
    input.texts.push(messages);
    return;
  }
  if (!Array.isArray(messages)) return;
  for (const message of messages) {
    input.messages++;
    if (isRecord(message) && typeof message.content === 'string' && isPlain(message)) input.texts.push(message.content);
    else readPart(input, message, 0);
  }
}

function isPlain(message: Record<string, unknown>): boolean {
  for (const name in message) if (name !== 'role' && name !== 'content') return false;
  return true;
}

/** A string, several, or tokens: one prompt of them or several. */
function readPrompts(input: Input, prompts: unknown): void {
  if (!Array.isArray(prompts)) {
    if (isRecord(prompts)) readPart(input, prompts.variables, 0);
    else addString(input, prompts);
    return;
  }
  for (const prompt of prompts) {
    if (typeof prompt === 'number') input.flat++;
    else if (Array.isArray(prompt)) input.flat += prompt.length;
    else readPart(input, prompt, 0);
  }
}

/** A message, a part of one, or any item of a conversation: all text in it counts, and what it shows. */
function readPart(input: Input, part: unknown, depth: number): void {
  if (typeof part === 'string') {
    input.texts.push(part);
  } else if (typeof part === 'number') {
    input.flat += 2;
  } else if (Array.isArray(part)) {
    if (depth < DEEPEST) for (const each of part) readPart(input, each, depth + 1);
  } else if (isRecord(part) && depth < DEEPEST) {
    readRecord(input, part, depth);
  }
}

function readRecord(input: Input, part: Record<string, unknown>, depth: number): void {
  if (part.type === 'image_url' || part.type === 'input_image' || part.type === 'computer_screenshot') {
    readImage(input, part);
  } else if (part.type === 'input_audio' && isRecord(part.input_audio)) {
    readAudio(input, part.input_audio);
  } else if (part.type === 'file' || part.type === 'input_file') {
    readFile(input, isRecord(part.file) ? part.file : part);
  } else {
    if (part.type === 'function' || part.type === 'function_call') input.flat += TOOL_CALL_TOKENS;
    for (const name of Object.keys(part)) if (!NOT_READ.has(name)) readPart(input, part[name], depth + 1);
  }
}

function readImage(input: Input, part: Record<string, unknown>): void {
  const { image_url: image } = part;
  const { url, detail } = isRecord(image) ? image : { url: image, detail: part.detail };
  input.images.push({ size: typeof url === 'string' ? imageSizeOf(url) : undefined, low: detail === 'low' });
}

function readAudio(input: Input, { data, format }: Record<string, unknown>): void {
  const perSecond = AUDIO_BYTES_PER_SECOND[format === 'wav' ? 'wav' : 'other'];
  const seconds = bytesOf(data) / perSecond;
  input.flat += Math.ceil(seconds * AUDIO_TOKENS_PER_SECOND);
}

function readFile(input: Input, { file_data: data }: Record<string, unknown>): void {
  if (typeof data !== 'string') {
    input.flat += FILE_TOKENS;
    return;
  }
  const isText = /^data:(?:text\/|application\/json)/i.test(data.slice(0, 30));
  const tokens = bytesOf(data) / BYTES_PER_TOKEN[isText ? 'other' : 'pdf'];
  input.flat += Math.ceil(isText ? tokens : Math.max(FILE_TOKENS, tokens));
}

/** Of base64. */
function bytesOf(data: unknown): number {
  return typeof data === 'string' ? data.length * 0.75 : 0;
}

function schemaOf(format: unknown): unknown {
  if (!isRecord(format) || format.type !== 'json_schema') return undefined;
  return format.json_schema ?? format.schema;
}

function addJson(input: Input, value: unknown): void {
  if (value === undefined || value === null) return;
  try {
    addString(input, JSON.stringify(value));
  } catch {
    // The SDK will say that it cannot be sent.
  }
}

function addString(input: Input, value: unknown): void {
  if (typeof value === 'string') input.texts.push(value);
}
