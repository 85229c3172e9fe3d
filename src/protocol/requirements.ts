import type { Capability } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { sealedKeys } from './sealed-items.js';

/** What a request requires of its deployment. */
export interface Needs {
  readonly capabilities: ReadonlySet<Capability>;
  /** Stored objects that the request names: only the client that created them has them. */
  readonly storedIds: readonly string[];
  /** Sealed items in the request: only the client that made them can read them. */
  readonly sealedKeys: readonly string[];
}

const NOTHING: Needs = { capabilities: new Set(), storedIds: [], sealedKeys: [] };

/** Reads a body's requirements. Of text messages it reads only the type. */
export function readNeeds(body: unknown): Needs {
  if (!isRecord(body) || isSimple(body)) return NOTHING;
  const capabilities = new Set<Capability>();
  const storedIds: string[] = [];
  if (isNonEmpty(body.tools) || isNonEmpty(body.functions)) capabilities.add('tools');
  if (body.parallel_tool_calls === true && capabilities.has('tools')) capabilities.add('parallelToolCalls');
  if (typeof body.n === 'number' && body.n > 1) capabilities.add('multipleChoices');
  if (typeOf(body.response_format) === 'json_schema') capabilities.add('jsonSchema');
  if (isRecord(body.text) && typeOf(body.text.format) === 'json_schema') capabilities.add('jsonSchema');
  if (needsLogprobs(body)) capabilities.add('logprobs');
  if (Array.isArray(body.modalities) && body.modalities.includes('audio')) capabilities.add('audio');
  addId(storedIds, body.previous_response_id);
  addId(storedIds, isRecord(body.conversation) ? body.conversation.id : body.conversation);
  if (isRecord(body.prompt)) addId(storedIds, body.prompt.id);
  readItems(body.messages, capabilities, storedIds);
  readItems(body.input, capabilities, storedIds);
  if (Array.isArray(body.tools)) for (const tool of body.tools) readTool(tool, storedIds);
  return { capabilities, storedIds, sealedKeys: sealedKeys(body.input) };
}

function needsLogprobs({ logprobs, top_logprobs: top, include }: Record<string, unknown>): boolean {
  if (logprobs === true || typeof logprobs === 'number' || typeof top === 'number') return true;
  return Array.isArray(include) && include.some((each) => typeof each === 'string' && each.endsWith('logprobs'));
}

/** A request without any parameter that has requirements. Most requests are simple, so this check is cheap. */
function isSimple(body: Record<string, unknown>): boolean {
  for (const name in body) if (NEEDY.has(name)) return false;
  return isTextOnly(body.messages) && isTextOnly(body.input);
}

const NEEDY = new Set([
  'tools',
  'functions',
  'n',
  'response_format',
  'text',
  'logprobs',
  'top_logprobs',
  'include',
  'modalities',
  'previous_response_id',
  'conversation',
  'prompt',
]);

function isTextOnly(items: unknown): boolean {
  if (!Array.isArray(items)) return true;
  return items.every(
    (item) => typeof item === 'string' || (isRecord(item) && typeof item.content === 'string' && !('audio' in item)),
  );
}

function readItems(items: unknown, capabilities: Set<Capability>, storedIds: string[]): void {
  if (!Array.isArray(items)) return;
  for (const item of items) {
    if (!isRecord(item)) continue;
    if (isReference(item)) addId(storedIds, item.id);
    if (isRecord(item.audio)) addId(storedIds, item.audio.id);
    if (Array.isArray(item.content)) for (const part of item.content) readPart(part, capabilities, storedIds);
  }
}

/** A reference may omit its type; it then has only an id. */
function isReference(item: Record<string, unknown>): boolean {
  return item.type === 'item_reference' || (item.type === undefined && !('role' in item) && !('content' in item));
}

function readPart(part: unknown, capabilities: Set<Capability>, storedIds: string[]): void {
  const type = typeOf(part);
  if (!isRecord(part) || type === undefined) return;
  if (type === 'image_url' || type === 'input_image') capabilities.add('vision');
  if (type === 'input_audio') capabilities.add('audio');
  addId(storedIds, part.file_id);
  if (isRecord(part.file)) addId(storedIds, part.file.file_id);
}

function readTool(tool: unknown, storedIds: string[]): void {
  if (!isRecord(tool)) return;
  addIds(storedIds, tool.vector_store_ids);
  const { container } = tool;
  addId(storedIds, container);
  if (isRecord(container)) addIds(storedIds, container.file_ids);
}

function addIds(ids: string[], value: unknown): void {
  if (Array.isArray(value)) for (const each of value) addId(ids, each);
}

function addId(ids: string[], value: unknown): void {
  if (typeof value === 'string' && value !== '') ids.push(value);
}

const typeOf = (value: unknown) => (isRecord(value) && typeof value.type === 'string' ? value.type : undefined);
const isNonEmpty = (value: unknown) => Array.isArray(value) && value.length > 0;
