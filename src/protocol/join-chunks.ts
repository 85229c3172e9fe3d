import type { Protocol } from '../types.js';
import { isGiven, isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';

type Json = Record<string, unknown>;

/**
 * Converts a stream to its whole answer: for the fields of OpenAI's API, the same as the SDK's stream helper.
 * `undefined` if that is unclear, as for a provider's own field that comes in several pieces.
 */
export function fromChunks(protocol: Protocol, chunks: readonly unknown[]): unknown {
  const joined = new JoinedChunks(protocol);
  for (const chunk of chunks) joined.add(chunk);
  return joined.whole();
}

/** The same, a chunk at a time: nothing is left to be done in one go at the end of a long stream. */
export class JoinedChunks {
  readonly #answer: JoinedAnswer;
  #isConvertible = true;

  constructor(protocol: Protocol) {
    if (protocol === 'responses') this.#answer = new JoinedResponse();
    else this.#answer = protocol === 'chat' ? new JoinedChat() : new JoinedCompletion();
  }

  add(chunk: unknown): void {
    this.#try((answer) => answer.add(chunk));
  }

  whole(): unknown {
    return this.#try((answer) => answer.whole());
  }

  #try<T>(run: (answer: JoinedAnswer) => T): T | undefined {
    if (!this.#isConvertible) return undefined;
    try {
      return run(this.#answer);
    } catch (error) {
      if (!(error instanceof NotConvertible)) throw error;
      this.#isConvertible = false;
      return undefined;
    }
  }
}

interface JoinedAnswer {
  add(chunk: unknown): void;
  whole(): unknown;
}

/** The last events of a whole response: OpenAI's, and that of OpenRouter's beta. */
const IS_WHOLE: ReadonlySet<unknown> = new Set(['response.completed', 'response.done']);

/** The last event has it. */
class JoinedResponse implements JoinedAnswer {
  #response: unknown;

  add(chunk: unknown): void {
    if (isRecord(chunk) && IS_WHOLE.has(chunk.type)) this.#response = chunk.response;
  }

  whole(): unknown {
    return this.#response;
  }
}

/** The chunks cannot be converted to an answer. */
class NotConvertible extends Error {}

/** A record whose keys may be copied: `__proto__` would become a prototype. */
function recordOf(value: unknown): Json {
  if (!isRecord(value) || Object.hasOwn(value, '__proto__')) throw new NotConvertible();
  return value;
}

/** Fields of which each chunk has the whole value: the SDK uses the last one. */
const SET_OF_ANSWER = new Set(['id', 'created', 'model', 'object', 'service_tier', 'system_fingerprint', 'usage']);

/** The fields of the answer itself, and of its one choice. */
class JoinedChoice {
  readonly answer: Json = {};
  readonly choice: Json = { index: 0, finish_reason: null, logprobs: null };

  /** Returns the pieces of its choices. */
  add(chunk: unknown): Json[] {
    const { choices, obfuscation: _, ...rest } = recordOf(chunk);
    const extensions: Json = {};
    for (const [name, value] of Object.entries(rest)) {
      if (!SET_OF_ANSWER.has(name)) extensions[name] = value;
      // An empty value, as in Azure's first chunk, is ignored.
      else if (isGiven(value) && value !== '') this.answer[name] = value;
      else this.answer[name] ??= value;
    }
    setSame(this.answer, extensions);
    return Array.isArray(choices) ? choices.map(recordOf) : [];
  }

  addPiece({ logprobs, finish_reason: finishReason, index, ...others }: Json): void {
    if (index !== 0) throw new NotConvertible();
    if (finishReason) this.choice.finish_reason = finishReason;
    if (isGiven(logprobs)) addLists(this.choice, 'logprobs', recordOf(logprobs));
    setSame(this.choice, others);
  }
}

class JoinedChat implements JoinedAnswer {
  readonly #joined = new JoinedChoice();
  readonly #message = new Message();

  add(chunk: unknown): void {
    for (const { delta, ...piece } of this.#joined.add(chunk)) {
      this.#joined.addPiece(piece);
      if (isGiven(delta)) this.#message.add(recordOf(delta));
    }
  }

  whole(): Json {
    const { answer, choice } = this.#joined;
    const message = this.#message.whole();
    if (!answer.system_fingerprint) delete answer.system_fingerprint;
    return { ...answer, object: 'chat.completion', choices: [{ ...choice, message }] };
  }
}

class JoinedCompletion implements JoinedAnswer {
  readonly #joined = new JoinedChoice();
  readonly #texts: string[] = [];

  add(chunk: unknown): void {
    for (const { text, index = 0, ...piece } of this.#joined.add(chunk)) {
      this.#joined.addPiece({ index, ...piece });
      if (typeof text === 'string') this.#texts.push(text);
    }
  }

  whole(): Json {
    const { answer, choice } = this.#joined;
    return { ...answer, object: 'text_completion', choices: [{ ...choice, text: this.#texts.join('') }] };
  }
}

/**
 * A provider's own fields: it is unknown whether a second piece extends or replaces the first, unless they are equal.
 */
function setSame(to: Json, fields: Json): void {
  for (const [name, value] of Object.entries(fields)) {
    if (name === '__proto__') throw new NotConvertible();
    if (!isGiven(to[name])) to[name] = value;
    else if (isGiven(value) && !isSame(to[name], value)) throw new NotConvertible();
  }
}

const isSame = (one: unknown, other: unknown) => one === other || jsonText(one) === jsonText(other);

/** Lists are extended in place; everything else is set. */
function addLists(to: Json, name: string, piece: Json): void {
  const before = to[name];
  const grown: Json = isRecord(before) ? before : {};
  to[name] = grown;
  for (const [key, value] of Object.entries(piece)) {
    const list = grown[key];
    if (!Array.isArray(value)) grown[key] = isGiven(value) ? value : (list ?? value);
    else if (Array.isArray(list)) for (const each of value) list.push(each);
    else grown[key] = [...value];
  }
}

/** A message, built from its deltas. */
class Message {
  #role: unknown;
  readonly #texts = new Map<string, string[]>();
  readonly #calls: ToolCall[] = [];
  #hasCalls = false;
  #functionCall: { name: unknown; arguments: string[] } | undefined;
  readonly #extensions: Json = {};

  add(delta: Json): void {
    const { role, content, refusal, tool_calls: calls, function_call: call, audio, ...others } = delta;
    if (role) this.#role = role;
    this.#addText('content', content);
    if (refusal) this.#addText('refusal', refusal);
    if (isGiven(audio)) throw new NotConvertible();
    if (isGiven(calls)) this.#addCalls(calls);
    if (isGiven(call)) this.#addFunctionCall(recordOf(call));
    for (const [name, value] of Object.entries(others)) this.#addExtension(name, value);
  }

  whole(): Json {
    if (!this.#role) throw new NotConvertible();
    const texts = Object.fromEntries([...this.#texts].map(([name, pieces]) => [name, pieces.join('')]));
    const message: Json = { content: null, refusal: null, ...this.#extensions, ...texts, role: this.#role };
    const call = this.#functionCall;
    if (call !== undefined) {
      if (!call.name) throw new NotConvertible();
      message.function_call = { name: call.name, arguments: call.arguments.join('') };
    }
    if (this.#hasCalls) message.tool_calls = Array.from(this.#calls, wholeCall);
    return message;
  }

  #addText(name: string, text: unknown): void {
    if (!isGiven(text)) return;
    if (typeof text !== 'string') throw new NotConvertible();
    const texts = this.#texts.get(name);
    if (texts === undefined) this.#texts.set(name, [text]);
    else texts.push(text);
  }

  /** Reasoning is text in pieces, under any of its names. */
  #addExtension(name: string, value: unknown): void {
    if (name === 'reasoning' || name === 'reasoning_content') return this.#addText(name, value);
    if (!isGiven(value)) return;
    if (name === '__proto__' || Object.hasOwn(this.#extensions, name)) throw new NotConvertible();
    this.#extensions[name] = value;
  }

  #addFunctionCall({ name, arguments: args }: Json): void {
    this.#functionCall ??= { name: undefined, arguments: [] };
    if (name) this.#functionCall.name = name;
    if (args) this.#functionCall.arguments.push(textOf(args));
  }

  #addCalls(pieces: unknown): void {
    if (!Array.isArray(pieces)) throw new NotConvertible();
    this.#hasCalls = true;
    for (const each of pieces) {
      const piece = recordOf(each);
      const { index } = piece;
      if (typeof index !== 'number' || (!(index in this.#calls) && index !== this.#calls.length))
        throw new NotConvertible();
      this.#calls[index] ??= { id: undefined, type: undefined, name: undefined, pieces: [], extensions: {} };
      addToCall(this.#calls[index], piece);
    }
  }
}

interface ToolCall {
  id: unknown;
  type: unknown;
  name: unknown;
  /** Pieces of its arguments or its input. */
  readonly pieces: string[];
  readonly extensions: Json;
}

/** Ids and names are set, not concatenated, because some servers send them with every piece. */
function addToCall(call: ToolCall, piece: Json): void {
  const { index: _, id, type, function: fn, custom, ...others } = piece;
  // Some servers number every parallel call 0.
  if (id && call.id !== undefined && id !== call.id) throw new NotConvertible();
  if (id) call.id = id;
  if (type) call.type = type;
  for (const named of [fn, custom]) {
    if (!isGiven(named)) continue;
    const { name, arguments: args, input, ...rest } = recordOf(named);
    if (Object.keys(rest).length > 0) throw new NotConvertible();
    if (name) call.name = name;
    if (args || input) call.pieces.push(textOf(args || input));
  }
  for (const [name, value] of Object.entries(others)) {
    if (!isGiven(value)) continue;
    if (Object.hasOwn(call.extensions, name)) throw new NotConvertible();
    call.extensions[name] = value;
  }
}

function wholeCall({ id, type, name, pieces, extensions }: ToolCall): Json {
  if (!id || !isGiven(name)) throw new NotConvertible();
  const text = pieces.join('');
  if (type === 'function') return { ...extensions, id, type, function: { name, arguments: text } };
  if (type === 'custom') return { ...extensions, id, type, custom: { name, input: text } };
  throw new NotConvertible();
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new NotConvertible();
  return value;
}
