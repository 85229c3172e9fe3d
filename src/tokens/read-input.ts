import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { type Encoded, readEncoded } from './base64.js';
import { imageSizeOf } from './image-size.js';
import type { Image } from './image-tokens.js';

/** The input of a request, as its model reads it. */
export interface Input {
  /** The body that will be sent: the result of its `toJSON`, if it has one. */
  readonly body: unknown;
  readonly texts: string[];
  readonly images: Image[];
  messages: number;
  /** Tokens that need no estimate: of token arrays, and constants for files and sound. */
  flat: number;
  /** The features of the texts. Set at the first count, so that a second model needs no second pass. */
  counts?: readonly number[];
}

/** A file that is only referenced by its name or address. */
const FILE_TOKENS = 1500;
/** A second of sound, for the model that counts most. */
const AUDIO_TOKENS_PER_SECOND = 25;
/** The lowest number of bytes for a second of sound. */
export const AUDIO_BYTES_PER_SECOND = { wav: 16_000, other: 4000 } as const;
/** A second of video (frames and sound), for the model that counts most, and its lowest number of bytes. */
const VIDEO_TOKENS_PER_SECOND = 300;
const VIDEO_BYTES_PER_SECOND = 60_000;
const BYTES_PER_TOKEN = { pdf: 10, other: 3 } as const;
const TOOL_CALL_TOKENS = 6;
const MAX_DEPTH = 64;

/** Fields whose usual values are short words, which the message's frame covers. */
const WORDS = new Set(['type', 'role', 'status', 'detail', 'phase', 'format', 'media_type', 'mime_type']);
/** Fields that can only be text: content that looks like base64 is read and billed as text there. */
const TEXTS = new Set(['content', 'text', 'output', 'arguments', 'input', 'refusal', 'thinking', 'reasoning_content']);
/** Fields that a provider stores beside the prompt. */
const NOT_READ = new Set([
  'model',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'service_tier',
  'metadata',
  'stream_options',
  'previous_response_id',
  'conversation',
  'include',
  'truncation',
  'reasoning_effort',
  'verbosity',
  'modalities',
  'encoding_format',
  'response_format',
  'tool_choice',
  'logit_bias',
  'cache_control',
]);
/** Fields that are counted separately from unknown fields. */
const KNOWN = new Set([
  'messages',
  'input',
  'prompt',
  'tools',
  'functions',
  'response_format',
  'text',
  'instructions',
  'suffix',
]);

/**
 * Reads a request's body: every string counts, in any field, except those that a provider never shows to a model.
 * Content stored on a server (a conversation, a stored prompt) is unknown, and not counted.
 */
export function readInput(given: unknown, protocol: Protocol): Input {
  const body = toJson(given);
  const input: Input = { body, texts: [], images: [], messages: 0, flat: 0 };
  if (body instanceof FormData) readForm(input, body);
  if (!isRecord(body)) return input;
  addJson(input, body.tools);
  addJson(input, body.functions);
  addJson(input, schemaOf(body.response_format));
  addJson(input, schemaOf(isRecord(body.text) ? body.text.format : undefined));
  if (protocol === 'chat') readMessages(input, toJson(body.messages));
  else if (protocol === 'responses') readMessages(input, toJson(body.input));
  else readPrompts(input, toJson(body.input));
  readPrompts(input, toJson(body.prompt));
  addString(input, body.suffix);
  addString(input, body.text);
  if (typeof body.instructions === 'string') {
    input.messages++;
    input.texts.push(body.instructions);
  } else readPart(input, body.instructions, 0);
  for (const name of Object.keys(body)) {
    const value = body[name];
    // Numbers and flags are settings, not input.
    if (typeof value !== 'string' && typeof value !== 'object') continue;
    if (!isCounted(name, protocol) && !NOT_READ.has(name)) readField(input, name, value, 0);
  }
  return input;
}

/** A field with that name may belong to another endpoint, and a server may still read it. */
function isCounted(name: string, protocol: Protocol): boolean {
  if (name === 'messages') return protocol === 'chat';
  if (name === 'input') return protocol !== 'chat';
  return KNOWN.has(name);
}

/** The text fields of a form. Its files are sound and images, which are not billed by content. */
function readForm(input: Input, form: FormData): void {
  for (const [name, value] of form)
    if (typeof value === 'string' && !NOT_READ.has(name) && !isSetting(name, value)) input.texts.push(value);
}

/** Whether the value is a number or a word: `n`, `size`, `language`. */
function isSetting(name: string, value: string): boolean {
  return name !== 'prompt' && name !== 'instructions' && /^[\w.-]{0,16}$/.test(value);
}

/** The JSON value of a value. */
function toJson(value: unknown): unknown {
  if (!isRecord(value) || typeof value.toJSON !== 'function') return value;
  try {
    const made: unknown = value.toJSON();
    return made;
  } catch {
    // The SDK's own error will say that it cannot be sent.
    return undefined;
  }
}

function readMessages(input: Input, messages: unknown): void {
  if (typeof messages === 'string') {
    input.messages++;
    input.texts.push(messages);
    return;
  }
  if (!Array.isArray(messages)) {
    if (isRecord(messages)) readPart(input, messages, 0);
    return;
  }
  for (const message of messages) {
    input.messages++;
    if (isRecord(message) && typeof message.content === 'string' && isPlain(message)) input.texts.push(message.content);
    else readPart(input, message, 0);
  }
}

/** Whether a message has only a usual role and text. */
function isPlain(message: Record<string, unknown>): boolean {
  for (const name in message) if (name !== 'role' && name !== 'content') return false;
  return isWord(message.role);
}

/** A string, several strings, or one or several prompts in tokens. */
function readPrompts(input: Input, prompts: unknown): void {
  if (!Array.isArray(prompts)) {
    if (isRecord(prompts)) readPart(input, prompts, 0);
    else addString(input, prompts);
    return;
  }
  for (const prompt of prompts) {
    if (typeof prompt === 'number') input.flat++;
    else if (isTokens(prompt)) input.flat += prompt.length;
    else if (typeof prompt === 'string') input.texts.push(prompt);
    else readPart(input, prompt, 0);
  }
}

function isTokens(prompt: unknown): prompt is number[] {
  return Array.isArray(prompt) && prompt.every((each) => typeof each === 'number');
}

/** A message, a part of one, or any item of a conversation: all its text and media count. */
function readPart(input: Input, given: unknown, depth: number): void {
  const part = toJson(given);
  if (typeof part === 'string') input.texts.push(part);
  else if (typeof part === 'number') input.flat += 2;
  else if (depth >= MAX_DEPTH) addJson(input, part);
  else if (Array.isArray(part)) for (const each of part) readPart(input, each, depth + 1);
  else if (isRecord(part)) readRecord(input, part, depth);
}

function readRecord(input: Input, part: Record<string, unknown>, depth: number): void {
  const counted = readMediumPart(input, part);
  for (const name of Object.keys(part))
    if (counted === undefined || !counted.has(name)) readField(input, name, part[name], depth + 1, part);
}

const OF_IMAGES = new Set(['type', 'image_url', 'detail', 'file_id']);
const OF_SOUND = new Set(['type', 'input_audio']);
const OF_FILES = new Set(['type', 'file', 'file_data', 'filename', 'file_id', 'file_url']);

/** An image, sound or file in OpenAI's shapes. Returns the names of the counted fields. */
function readMediumPart(input: Input, part: Record<string, unknown>): ReadonlySet<string> | undefined {
  const { type } = part;
  if (type === 'image_url' || type === 'input_image' || type === 'computer_screenshot') {
    readImage(input, part);
    return OF_IMAGES;
  }
  if (type === 'input_audio' && isRecord(part.input_audio)) {
    readAudio(input, part.input_audio);
    return OF_SOUND;
  }
  if (type === 'file' || type === 'input_file') {
    readFile(input, isRecord(part.file) ? part.file : part);
    return OF_FILES;
  }
  if (type === 'function' || type === 'function_call') input.flat += TOOL_CALL_TOKENS;
  return undefined;
}

function readField(
  input: Input,
  name: string,
  value: unknown,
  depth: number,
  neighbours?: Record<string, unknown>,
): void {
  // Names are sent too. Usual ones are a token or two, which the frame of a message covers.
  if (name.length > 32) input.texts.push(name);
  if (name === 'cache_control') return;
  if (typeof value === 'string') readText(input, name, value, neighbours);
  else {
    const made = toJson(value);
    if (typeof made === 'string') readText(input, name, made, neighbours);
    else readPart(input, made, depth);
  }
}

function readText(input: Input, name: string, text: string, neighbours: Record<string, unknown> | undefined): void {
  if (WORDS.has(name) && isWord(text)) return;
  const encoded = TEXTS.has(name) ? undefined : readEncoded(text);
  if (encoded === undefined) input.texts.push(text);
  else readMedium(input, text, encoded, mediaTypeOf(neighbours));
}

/** The media type that a field beside the data declares. */
function mediaTypeOf(fields: Record<string, unknown> = {}): string | undefined {
  const declared = fields.mime_type ?? fields.media_type;
  return typeof declared === 'string' ? declared : undefined;
}

const isWord = (value: unknown) => typeof value === 'string' && /^[a-z][a-z0-9_/.+-]{0,31}$/.test(value);

/** Encoded data, by its own media type, or by a neighbouring field's. */
function readMedium(input: Input, text: string, { mediaType, bytes }: Encoded, declared: string | undefined): void {
  const type = mediaType ?? declared?.toLowerCase() ?? kindOf(text);
  if (type.startsWith('image/')) {
    const url = mediaType === undefined ? `data:${type};base64,${text.slice(0, 128 * 1024)}` : text;
    input.images.push({ size: imageSizeOf(url), low: false });
  } else if (type.startsWith('audio/')) input.flat += soundTokens(bytes, /wav/.test(type));
  else if (type.startsWith('video/'))
    input.flat += Math.ceil((bytes / VIDEO_BYTES_PER_SECOND) * VIDEO_TOKENS_PER_SECOND);
  else if (type.startsWith('text/') || type === 'application/json')
    input.flat += Math.ceil(bytes / BYTES_PER_TOKEN.other);
  else if (type === 'application/pdf') input.flat += Math.max(FILE_TOKENS, Math.ceil(bytes / BYTES_PER_TOKEN.pdf));
  else input.flat += FILE_TOKENS;
}

/** Recognised by the first bytes in base64. */
function kindOf(base64: string): string {
  if (/^(?:iVBORw0KGgo|\/9j\/|R0lGOD)/.test(base64)) return 'image/unknown';
  if (base64.startsWith('UklGR')) return base64.slice(8, 16).includes('XQVZF') ? 'audio/wav' : 'image/webp';
  if (base64.startsWith('JVBERi')) return 'application/pdf';
  return 'application/octet-stream';
}

function readImage(input: Input, part: Record<string, unknown>): void {
  const { image_url: image } = part;
  const { url, detail } = isRecord(image) ? image : { url: image, detail: part.detail };
  input.images.push({ size: typeof url === 'string' ? imageSizeOf(url) : undefined, low: detail === 'low' });
}

function readAudio(input: Input, { data, format }: Record<string, unknown>): void {
  input.flat += soundTokens(bytesOf(data), format === 'wav');
}

function soundTokens(bytes: number, isWav: boolean): number {
  return Math.ceil((bytes / AUDIO_BYTES_PER_SECOND[isWav ? 'wav' : 'other']) * AUDIO_TOKENS_PER_SECOND);
}

function readFile(input: Input, { file_data: data, filename }: Record<string, unknown>): void {
  addString(input, filename);
  if (typeof data !== 'string') {
    input.flat += FILE_TOKENS;
    return;
  }
  const isText = /^data:(?:text\/|application\/json)/i.test(data.slice(0, 30));
  const tokens = bytesOf(data) / BYTES_PER_TOKEN[isText ? 'other' : 'pdf'];
  input.flat += Math.ceil(isText ? tokens : Math.max(FILE_TOKENS, tokens));
}

/** The size of decoded base64. */
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
    // The SDK's own error will say that it cannot be sent.
  }
}

function addString(input: Input, value: unknown): void {
  if (typeof value === 'string') input.texts.push(value);
}
