import type { Protocol } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { explainsNoContent, failedFinishOf } from './answer-faults.js';
import { sealedKeys } from './sealed-items.js';
import { readUsage } from './usage.js';

/** The limit of stored keys of sealed items per stream. */
const MAX_SEALED = 256;

/** The last events of streams other than chat and responses. */
const LAST_EVENT = /^(image_generation|image_edit)\.completed$|^transcript\.text\.done$|^speech\.audio\.done$/;

/** OpenRouter's beta ends with `response.done`: openrouter.ai/docs/api_reference/responses/basic-usage. */
const LAST_RESPONSE_EVENT = /^response\.(completed|incomplete|cancelled|done)$/;

/** How many tool calls of a response are counted. */
const MAX_ITEMS = 1000;

/** The state of a stream from its chunks so far: content, its end, its usage. */
export class Progress {
  /** Whether something visible to a reader has come. */
  hasContent = false;
  /** Whether the server has begun to work: to reason, to search, to call a tool. */
  hasItem = false;
  /** Whether the server has reported that the answer failed. */
  failed = false;
  /** The finish reason of the failure. */
  failedFinish: string | undefined;
  /** Keys of the sealed items so far. */
  readonly sealedKeys: string[] = [];
  usage: unknown;
  /** The service tier of the answer. */
  serviceTier: string | undefined;
  /** Calls of tools among the items of a response. */
  readonly toolItems: unknown[] = [];
  model: string | undefined;
  id: string | undefined;
  /** By choice: whether its finish reason is sure to be the end. */
  readonly #finishes = new Map<unknown, boolean>();
  /** Choices that had content without a finish reason. For them, a finish reason next to content is significant. */
  readonly #unfinished = new Set<unknown>();
  readonly #choices = new Set<unknown>();
  #lastEvents = 0;
  #isComplete = false;
  /** Whether a response has failed, and the event with the reason is still to come. */
  #awaitsReason = false;
  /** Whether its end says why there may be no content. */
  #isExplained = false;

  constructor(
    readonly protocol: Protocol,
    /** The requested number of choices. */
    readonly choices: number,
  ) {}

  /** Whether each choice that has come has its finish reason, or the endpoint's last event has come. */
  get finished(): boolean {
    if (this.#isComplete || this.#awaitsReason || this.#lastEvents > 0) return true;
    return this.#finishes.size > 0 && this.#finishes.size >= this.#choices.size;
  }

  /**
   * Whether everything requested has come, so that a break is harmless. A finish reason next to content is no proof if
   * each earlier chunk had one, too: some servers send it every time.
   */
  get isFinal(): boolean {
    if (this.#isComplete || this.#lastEvents >= this.choices) return true;
    if (this.#finishes.size < Math.max(this.choices, this.#choices.size)) return false;
    for (const isSure of this.#finishes.values()) if (!isSure) return false;
    return true;
  }

  /** Whether the server has reported that the answer failed, and no reason will follow. */
  get hasFailedForGood(): boolean {
    return this.failed && !this.#awaitsReason;
  }

  /** Whether it has ended, and its usage reports no output. */
  get isEmpty(): boolean {
    if (this.hasContent || this.#isExplained || !this.finished) return false;
    return readUsage(this.usage)?.outputTokens === 0;
  }

  read(chunk: unknown): void {
    if (!isRecord(chunk)) {
      this.hasContent = true;
      return;
    }
    if (this.protocol === 'responses') this.#readResponseEvent(chunk);
    else if (Array.isArray(chunk.choices) || this.protocol === 'chat' || this.protocol === 'completions')
      this.#readChoices(chunk);
    else this.#readEvent(chunk);
  }

  #readChoices(chunk: Record<string, unknown>): void {
    this.#readIdentity(chunk);
    this.#readUsage(chunk.usage ?? (isRecord(chunk.x_groq) ? chunk.x_groq.usage : undefined));
    this.#readTier(chunk.service_tier);
    if (!Array.isArray(chunk.choices)) return;
    for (const choice of chunk.choices) {
      if (!isRecord(choice)) continue;
      const { index = 0, finish_reason: reason } = choice;
      this.#readUsage(choice.usage);
      this.#choices.add(index);
      const isSaying = isContent(choice.text) || hasContent(choice.delta);
      if (isSaying) {
        this.hasContent = true;
        // The reported end was not the end, so the next one is no proof either.
        if (this.#finishes.delete(index)) this.#unfinished.delete(index);
        else if (!isFinish(reason)) this.#unfinished.add(index);
      }
      if (!isFinish(reason)) continue;
      const isSure = !isSaying || this.#unfinished.has(index);
      if (!this.#finishes.get(index)) this.#finishes.set(index, isSure);
      if (explainsNoContent(reason)) this.#isExplained = true;
      const failedFinish = failedFinishOf(choice);
      if (failedFinish === undefined) continue;
      this.failed = true;
      this.failedFinish = failedFinish;
    }
  }

  #readResponseEvent(event: Record<string, unknown>): void {
    const { type } = event;
    if (typeof type !== 'string') return;
    if (isContentEvent(type, event)) this.hasContent = true;
    if (type === 'response.output_item.done' && this.sealedKeys.length < MAX_SEALED)
      this.sealedKeys.push(...sealedKeys([event.item]));
    if (type === 'response.output_item.added' && isWork(event.item)) this.hasItem = true;
    if (!isRecord(event.response)) {
      if (type === 'error') this.failed = true;
      if (type === 'response.output_item.done') this.#readItem(event.item);
      return;
    }
    const { response } = event;
    this.#readIdentity(response);
    this.#readUsage(response.usage);
    this.#readTier(response.service_tier);
    if (Array.isArray(response.output) && response.output.length > 0) {
      this.toolItems.length = 0;
      for (const item of response.output) this.#readItem(item);
    }
    // The caller gets a failure that it caused unchanged.
    if (type === 'response.failed' && isServerFault(response.error)) this.failed = true;
    if (type === 'response.incomplete') this.#isExplained = true;
    // A failed response without a reason is followed by an event with it.
    const isLast = LAST_RESPONSE_EVENT.test(type);
    if (isLast || (type === 'response.failed' && isRecord(response.error))) this.#isComplete = true;
    else if (type === 'response.failed') this.#awaitsReason = true;
  }

  /** Images, transcripts, speech, and unknown events of other endpoints, whose streams end with their body. */
  #readEvent(event: Record<string, unknown>): void {
    this.#readIdentity(event);
    this.#readUsage(event.usage);
    this.hasContent = true;
    if (typeof event.type === 'string' && LAST_EVENT.test(event.type)) this.#lastEvents++;
  }

  /** Ignores an empty name (Azure's first chunk has one) and uses the first real one. */
  #readIdentity({ id, model }: Record<string, unknown>): void {
    if (typeof id === 'string' && id !== '') this.id ??= id;
    if (typeof model === 'string' && model !== '') this.model ??= model;
  }

  /** Some servers send zeros after the real usage. */
  #readUsage(usage: unknown): void {
    if (!isRecord(usage)) return;
    const read = readUsage(usage);
    const isNothing = read === null || (read.inputTokens === 0 && read.outputTokens === 0);
    if (this.usage === undefined || !isNothing) this.usage = usage;
  }

  #readTier(tier: unknown): void {
    if (typeof tier === 'string') this.serviceTier = tier;
  }

  #readItem(item: unknown): void {
    if (!isRecord(item) || typeof item.type !== 'string' || !item.type.endsWith('_call')) return;
    const { type, action } = item;
    if (this.toolItems.length < MAX_ITEMS) this.toolItems.push({ type, action });
  }
}

/** Whether a failed response is the server's fault, so that another deployment may succeed. */
function isServerFault(error: unknown): boolean {
  return !isRecord(error) || /server_error|rate_limit/.test(String(error.code));
}

/** Some servers send the text `"null"` with every chunk. */
function isFinish(reason: unknown): reason is string {
  return typeof reason === 'string' && reason !== '' && reason !== 'null';
}

/** Anything but the role counts: text, reasoning, a refusal, a tool call, audio, or a provider's new fields. */
function hasContent(delta: unknown): boolean {
  if (!isRecord(delta)) return false;
  for (const key in delta) if (key !== 'role' && isContent(delta[key])) return true;
  return false;
}

function isContent(value: unknown): boolean {
  if (typeof value === 'string' || Array.isArray(value)) return value.length > 0;
  return isRecord(value);
}

/** A piece of content, or all of it from a server that sends no pieces. */
function isContentEvent(type: string, event: Record<string, unknown>): boolean {
  if (type.endsWith('.delta')) return event.delta !== '';
  if (type.endsWith('partial_image')) return true;
  if (!type.endsWith('.done')) return false;
  return isContent(event.text) || isContent(event.arguments) || isContent(event.refusal);
}

/** A message item opens right before its first text. Any other item is work that takes time. */
const isWork = (item: unknown) => isRecord(item) && item.type !== 'message';

/** A chunk with only the usage: no choice, no text. */
export function isUsageChunk(chunk: unknown): boolean {
  return isRecord(chunk) && isRecord(chunk.usage) && Array.isArray(chunk.choices) && chunk.choices.length === 0;
}
