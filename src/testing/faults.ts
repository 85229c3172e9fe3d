import type { AnswerLike } from './behaviours.js';
import { errorFields } from './error-body.js';
import type { JsonObject } from './json.js';
import { chunk, endOf, type Step, toBytes, wait } from './step.js';

interface Context {
  readonly stream: boolean;
  readonly errorEvent: (error: JsonObject, eventsBefore: number) => string;
}

/** Whether a behaviour breaks an answer between two of its chunks. */
export function strikes(behaviour: AnswerLike): boolean {
  return behaviour.type === 'stall' || (behaviour.type === 'break-off' && 'chunks' in behaviour.at);
}

/** A good body with its fault, and its end. */
export function* broken(behaviour: AnswerLike, body: Iterable<Step>, { stream, errorEvent }: Context): Generator<Step> {
  const end: Step = { type: 'end' };
  switch (behaviour.type) {
    case 'answer':
    case 'leave-out':
    case 'wrong-type':
      yield* body;
      yield end;
      break;
    case 'break-off': {
      const { at, ending } = behaviour;
      const last = endOf(ending);
      if ('chunks' in at) {
        yield* struck(body, at.chunks, () => [last], true);
      } else {
        yield* 'byte' in at ? cutAtByte(body, at.byte) : cutAtShare(body, at.share);
        yield last;
      }
      break;
    }
    case 'stall':
      yield* struck(body, behaviour.afterChunks, () => wait(behaviour.stallMs));
      yield end;
      break;
    case 'error-event': {
      const error = errorFields(500, behaviour.error);
      const strike = (eventsBefore: number) => [chunk(errorEvent(error, eventsBefore))];
      yield* stream ? struck(body, behaviour.afterChunks, strike, true) : body;
      yield end;
      break;
    }
    case 'malformed':
      yield* stream
        ? struck(body, behaviour.afterChunks, () => [chunk('data: {"id":"broken","choices":[{\n\n')])
        : body;
      yield end;
      break;
    case 'invalid-utf8':
      for (const step of body) {
        yield step.type === 'chunk' && step.part === 'content' ? chunk(withBadBytes(step.data)) : step;
      }
      yield end;
      break;
    case 'slow-drip':
      yield* dripping(body, behaviour.bytesPerMs);
      yield end;
      break;
    case 'comment-flood':
      for (let count = 0; count < behaviour.count; count += 1) {
        yield* wait(behaviour.stepMs);
        yield chunk(stream ? ': keep-alive\n\n' : '\n');
      }
      yield* body;
      yield end;
      break;
  }
}

/** Applies the fault once: right after this many chunks of content, at the latest before the finish event. */
function* struck(
  body: Iterable<Step>,
  afterChunks: number,
  strike: (chunksBefore: number) => Iterable<Step>,
  isLast = false,
): Generator<Step> {
  let chunks = 0;
  let pieces = 0;
  let done = false;
  for (const step of body) {
    const isChunk = step.type === 'chunk';
    if (!done && isChunk && (isEnding(step.part) || (pieces >= afterChunks && step.part !== 'start'))) {
      done = true;
      yield* strike(chunks);
      if (isLast) return;
    }
    yield step;
    if (isChunk) chunks += 1;
    if (isChunk && step.part === 'content') pieces += 1;
    // At once, because the next chunk may be due only after a pause.
    if (!done && pieces > 0 && pieces >= afterChunks) {
      done = true;
      yield* strike(chunks);
      if (isLast) return;
    }
  }
  if (!done) yield* strike(chunks);
}

function isEnding(part: string): boolean {
  return part === 'finish' || part === 'usage' || part === 'done';
}

/** The first `length` bytes of a body. */
export function* cutAtByte(body: Iterable<Step>, length: number): Generator<Step> {
  let left = length;
  if (left <= 0) return;
  for (const step of body) {
    if (step.type !== 'chunk') {
      yield step;
    } else if (left === Number.POSITIVE_INFINITY) {
      yield step;
    } else {
      const data = toBytes(step.data).subarray(0, left);
      left -= data.length;
      yield chunk(data, step.part);
      if (left <= 0) return;
    }
  }
}

/** A share of a body's bytes, but never exactly up to the end of a line. */
function* cutAtShare(body: Iterable<Step>, share: number): Generator<Step> {
  const steps = [...body];
  const data = concat(steps.map((step) => (step.type === 'chunk' ? toBytes(step.data) : new Uint8Array())));
  let length = Math.max(1, Math.floor(data.length * share));
  while (length < data.length && data[length - 1] === 0x0a) length += 1;
  yield* cutAtByte(steps, length);
}

function* dripping(body: Iterable<Step>, bytesPerMs: number): Generator<Step> {
  const size = Math.max(1, Math.floor(bytesPerMs));
  const stepMs = size / bytesPerMs;
  for (const step of body) {
    if (step.type !== 'chunk') {
      yield step;
      continue;
    }
    const data = toBytes(step.data);
    for (let start = 0; start < data.length; start += size) {
      yield* wait(stepMs);
      yield chunk(data.subarray(start, start + size), step.part);
    }
  }
}

const badBytes = Uint8Array.of(0xc3, 0x28, 0xff);

/** Puts invalid UTF-8 bytes at the start of the answer's text, else of its first string, else of the body. */
function withBadBytes(data: string | Uint8Array): Uint8Array {
  const bytes = toBytes(data);
  // One character per byte, so that positions in the text are positions in the bytes.
  const text = new TextDecoder('latin1').decode(bytes);
  const match = /"(?:content|text|delta)":"/.exec(text) ?? /":"/.exec(text);
  const at = match === null ? 0 : match.index + match[0].length;
  return concat([bytes.subarray(0, at), badBytes, bytes.subarray(at)]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
