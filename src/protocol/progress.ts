import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';

/** What the chunks of a stream have said so far: content, its end, its usage. */
export class Progress {
  /** Something that a reader would see has come. */
  hasContent = false;
  /** The server has reported that the answer failed. */
  failed = false;
  usage: unknown;
  model: string | undefined;
  id: string | undefined;
  readonly #ended = new Set<unknown>();
  #isComplete = false;

  constructor(
    readonly protocol: Protocol,
    /** How many choices must end. */
    readonly choices: number,
  ) {}

  /** The stream has ended as its protocol says. */
  get finished(): boolean {
    return this.#isComplete || this.#ended.size >= this.choices;
  }

  read(chunk: unknown): void {
    if (!isRecord(chunk)) {
      this.hasContent = true;
      return;
    }
    if (this.protocol === 'responses') this.#readResponseEvent(chunk);
    else if (this.protocol === 'chat' || this.protocol === 'completions') this.#readChoices(chunk);
    else {
      // Streams of other endpoints (images, transcripts) have no end of their own: they end where they end.
      if (isRecord(chunk.usage)) this.usage = chunk.usage;
      this.hasContent = true;
      this.#isComplete = true;
    }
  }

  #readChoices(chunk: Record<string, unknown>): void {
    if (this.model === undefined && typeof chunk.model === 'string') this.model = chunk.model;
    if (this.id === undefined && typeof chunk.id === 'string') this.id = chunk.id;
    if (isRecord(chunk.usage)) this.usage = chunk.usage;
    if (!Array.isArray(chunk.choices)) return;
    for (const choice of chunk.choices) {
      if (!isRecord(choice)) continue;
      if (!this.hasContent) this.hasContent = isContent(choice.text) || hasContent(choice.delta);
      if (choice.finish_reason) this.#ended.add(choice.index);
    }
  }

  #readResponseEvent(event: Record<string, unknown>): void {
    const { type } = event;
    if (typeof type !== 'string') return;
    if (type.endsWith('.delta') || type.endsWith('partial_image')) this.hasContent = true;
    if (!isRecord(event.response)) {
      if (type === 'error') this.failed = true;
      return;
    }
    const { id, model, usage } = event.response;
    if (typeof id === 'string') this.id = id;
    if (typeof model === 'string') this.model = model;
    if (isRecord(usage)) this.usage = usage;
    // What the caller has caused is the caller's to read.
    if (type === 'response.failed' && isServerFault(event.response.error)) this.failed = true;
    if (/^response\.(completed|incomplete|failed|cancelled)$/.test(type)) this.#isComplete = true;
  }
}

/** Whether a failed response is the server's fault, and worth asking somebody else. */
export function isServerFault(error: unknown): boolean {
  return !isRecord(error) || /server_error|rate_limit/.test(String(error.code));
}

/** Anything but the role counts: text, reasoning, a refusal, a tool call, audio, or what a provider adds tomorrow. */
function hasContent(delta: unknown): boolean {
  if (!isRecord(delta)) return false;
  for (const key in delta) if (key !== 'role' && isContent(delta[key])) return true;
  return false;
}

function isContent(value: unknown): boolean {
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return isRecord(value);
}

/** The chunk that only tells the usage: no choice, no text. */
export function isUsageChunk(chunk: unknown): boolean {
  return isRecord(chunk) && isRecord(chunk.usage) && Array.isArray(chunk.choices) && chunk.choices.length === 0;
}

/** The text in chunks that were delivered. */
export function textOf(chunks: readonly unknown[]): string {
  return chunks.map(textOfChunk).join('');
}

function textOfChunk(chunk: unknown): string {
  if (!isRecord(chunk)) return '';
  if (chunk.type === 'response.output_text.delta' && typeof chunk.delta === 'string') return chunk.delta;
  const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : undefined;
  if (!isRecord(choice)) return '';
  if (typeof choice.text === 'string') return choice.text;
  return isRecord(choice.delta) && typeof choice.delta.content === 'string' ? choice.delta.content : '';
}
