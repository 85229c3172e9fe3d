import { callOptions, type Outcome } from 'model-router';
import { answer, type Behaviour, bytes, fail } from 'model-router/testing';
import answers from '../fixtures/provider-errors/answers.json' with { type: 'json' };
import http from '../fixtures/provider-errors/http.json' with { type: 'json' };
import streams from '../fixtures/provider-errors/streams.json' with { type: 'json' };
import { messages } from './messages.js';
import { type Built, build, type Setup } from './routers.js';

export interface HttpCase {
  readonly id: string;
  readonly what: string;
  readonly status: number;
  readonly body: unknown;
  readonly outcome: Outcome;
  readonly answeredByFallback: boolean;
  /** Only the wording says so: shared state must not change. */
  readonly isFromText?: boolean;
}
export type AnswerCase = Omit<HttpCase, 'status' | 'isFromText'>;
export interface StreamCase {
  readonly id: string;
  readonly what: string;
  readonly events: readonly unknown[];
  readonly outcome: Outcome;
  readonly ends: 'answer' | 'fallback' | 'error' | 'interrupted';
}

export const httpCases = http as unknown as readonly HttpCase[];
export const answerCases = answers as unknown as readonly AnswerCase[];
export const streamCases = streams as unknown as readonly StreamCase[];

export const failWith = ({ status, body }: HttpCase): Behaviour => fail(status, { body: asSent(body) });

/** A text that is not a page is sent as JSON. */
function asSent(body: unknown): unknown {
  return typeof body === 'string' && body !== '' && !body.startsWith('<') ? JSON.stringify(body) : body;
}

const eventStream = { 'content-type': 'text/event-stream' };

/** One event for each item, in the form of the protocol. */
export function sendEvents(events: readonly unknown[]): Behaviour {
  const lines = events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
  return bytes({ headers: eventStream, chunks: [lines.join('')] });
}

/** Sent as one body, whether or not a stream was requested. */
export const sendJson = (body: unknown): Behaviour =>
  bytes({ headers: { 'content-type': 'application/json' }, chunks: [JSON.stringify(body)] });

/** A deployment with the case's behaviour, and a healthy fallback with a larger window. Nothing is retried. */
export function withFallback(does: Behaviour, settings: Setup = {}): Built {
  return build(
    { a: does, b: answer({ content: 'From the fallback.' }) },
    {
      clients: ['default', 'other'],
      deployments: { a: { contextWindow: 8000 }, b: { client: 'other', contextWindow: 128_000 } },
      routes: { standard: ['a', 'b'] },
      ...settings,
    },
  );
}

export const entryPoints = ['class', 'asFetch'] as const;

/** The result of a chat call at either entry point. */
export interface Seen {
  readonly text: string | undefined;
  /** The error, for the class entry point. */
  readonly error: unknown;
  /** The status of the response, for `asFetch`. */
  readonly status: number;
}

export async function chat(
  { router }: Built,
  entryPoint: (typeof entryPoints)[number],
  stream: boolean,
): Promise<Seen> {
  const body = { model: 'standard', messages, stream };
  if (entryPoint === 'class') return callClass(router, body);
  const url = 'https://api.openai.com/v1/chat/completions';
  const response = await router.asFetch()(url, { method: 'POST', body: JSON.stringify(body) });
  try {
    return { text: textIn(await response.text()), error: undefined, status: response.status };
  } catch (error) {
    return { text: undefined, error, status: response.status };
  }
}

async function callClass(router: Built['router'], body: object): Promise<Seen> {
  let text = '';
  try {
    const result = await router.post<unknown>('/chat/completions', {
      body,
      ...callOptions({}),
      stream: Reflect.get(body, 'stream') === true,
    });
    if (isIterable(result)) for await (const chunk of result) text += textIn(JSON.stringify(chunk)) ?? '';
    else text = textIn(JSON.stringify(result)) ?? '';
    return { text, error: undefined, status: 200 };
  } catch (error) {
    return { text, error, status: Number(Reflect.get(Object(error), 'status') ?? 0) };
  }
}

const isIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** The contents in an answer or a stream, read from its JSON. */
function textIn(body: string): string | undefined {
  return [...body.matchAll(/"content":"([^"]*)"/g)].map(([, text]) => text).join('');
}
