import type { AnswerLike, AnswerOptions, Behaviour, Latency } from './behaviours.js';
import type { Plain, StreamEvent } from './endpoints/endpoint.js';
import { errorBody, errorFields } from './error-body.js';
import { broken, cutAtByte, strikes } from './faults.js';
import type { JsonObject } from './json.js';
import { chunk, endOf, type Step, toBytes, wait } from './step.js';

/** The successful answer to a request, whole or as a stream. */
export interface Reply {
  /** The request wants a stream, and the endpoint supports it. */
  readonly stream: boolean;
  readonly plain: (answer: AnswerOptions) => Plain;
  readonly events: (answer: AnswerOptions) => Iterable<StreamEvent>;
  readonly errorEvent: (error: JsonObject, eventsBefore: number) => string;
}

interface TimelineOptions {
  readonly random: () => number;
  readonly requestId: string;
}

const eventStream = 'text/event-stream; charset=utf-8';

/**
 * The steps of a behaviour for one request. Lazy: latencies are drawn, and the answer is made, when they are reached.
 */
export function* timeline(behaviour: Behaviour, reply: Reply, { random, requestId }: TimelineOptions): Generator<Step> {
  const draw = (latency: Latency = 0) => (typeof latency === 'number' ? latency : latency(random));
  const opening = (status: number, contentType?: string, length?: string): Step => ({
    type: 'headers',
    status,
    headers: {
      ...(contentType !== undefined && { 'content-type': contentType }),
      ...(length !== undefined && { 'content-length': length }),
      'x-request-id': requestId,
      ...(behaviour.headers && lowerCased(behaviour.headers)),
    },
  });

  yield* wait(draw(behaviour.latencyMs));
  switch (behaviour.type) {
    case 'hang':
      yield { type: 'hang' };
      break;
    case 'reset':
      yield { type: 'destroy', how: 'reset' };
      break;
    case 'fail': {
      const { status, error, body = errorBody(status, error) } = behaviour;
      yield opening(status, typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json');
      yield chunk(typeof body === 'string' ? body : JSON.stringify(body));
      yield { type: 'end' };
      break;
    }
    case 'empty':
      yield opening(200, reply.stream ? eventStream : 'application/json', '0');
      yield { type: 'end' };
      break;
    case 'bytes':
      yield opening(behaviour.status);
      yield* cutAtByte(
        paced(
          behaviour.chunks.map((data) => chunk(data)),
          () => draw(behaviour.chunkMs),
        ),
        behaviour.cutAt,
      );
      yield endOf(behaviour.ending);
      break;
    default:
      if (reply.stream && behaviour.type !== 'wrong-type') {
        yield opening(200, eventStream);
        const events = paced(streamBody(behaviour, reply), () => draw(behaviour.chunkMs));
        yield* broken(behaviour, events, { stream: true, errorEvent: reply.errorEvent });
      } else {
        const plain = plainOf(behaviour, reply);
        yield opening(plain.status ?? 200, plain.contentType ?? 'application/json');
        yield* broken(behaviour, plainBody(behaviour, plain), { stream: false, errorEvent: reply.errorEvent });
      }
  }
}

function* streamBody(behaviour: AnswerLike, reply: Reply): Generator<Step> {
  const left = behaviour.type === 'leave-out' ? behaviour.part : undefined;
  for (const { part, text } of reply.events(behaviour)) {
    if (part !== left) yield chunk(text, part);
  }
}

function plainOf(behaviour: AnswerLike, reply: Reply): Plain {
  switch (behaviour.type) {
    case 'error-event':
      return { body: JSON.stringify({ error: errorFields(500, behaviour.error) }) };
    case 'leave-out':
      return reply.plain(behaviour.part === 'finish' ? { ...behaviour, finishReason: null } : behaviour);
    case 'malformed': {
      const plain = reply.plain(behaviour);
      return typeof plain.body === 'string' ? { ...plain, body: `${plain.body.slice(0, -1)},,` } : plain;
    }
    case 'wrong-type':
      return { ...reply.plain(behaviour), ...(!reply.stream && { contentType: 'text/plain; charset=utf-8' }) };
    default:
      return reply.plain(behaviour);
  }
}

/** In one chunk; or in as many as a stream would have plus a last one, so that a fault can occur between them. */
function* plainBody(behaviour: AnswerLike, { body }: Plain): Generator<Step> {
  if (!strikes(behaviour)) {
    yield chunk(body);
    return;
  }
  const data = toBytes(body);
  const { chunks = 4 } = behaviour;
  const count = Math.max(1, Math.floor(typeof chunks === 'number' ? chunks : chunks.length)) + 1;
  const edge = (index: number) => Math.floor((index * data.length) / count);
  for (let index = 0; index < count; index += 1) {
    yield chunk(data.subarray(edge(index), edge(index + 1)), index === count - 1 ? 'finish' : 'content');
  }
}

function* paced(body: Iterable<Step>, draw: () => number): Generator<Step> {
  let first = true;
  for (const step of body) {
    if (step.type === 'chunk' && step.part === 'content') {
      if (!first) yield* wait(draw());
      first = false;
    }
    yield step;
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
