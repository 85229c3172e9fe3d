import { callOptions, type ModelRouter, type SingleCallOptions } from 'model-router';
import type { OpenAI } from 'openai';

export const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Say hello.' }];

/** One chat call, by default to the route `standard`. */
export function sendChat(router: OpenAI, model = 'standard', options: OpenAI.RequestOptions = {}) {
  return router.chat.completions.create({ model, messages }, options);
}

/** The same with the router's own options. */
export function sendChatWith(router: ModelRouter, options: SingleCallOptions, model = 'standard') {
  return sendChat(router, model, callOptions(options));
}

export function streamChat(router: OpenAI, model = 'standard', options: OpenAI.RequestOptions = {}) {
  return router.chat.completions.create({ model, messages, stream: true }, options);
}

/** The error of a rejected promise. */
export async function errorOf(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new TypeError(`It was rejected with ${typeof error}, not an Error`);
  }
  throw new TypeError('It was fulfilled, and should have been rejected');
}

export interface ReadResult<T> {
  readonly chunks: T[];
  readonly text: string;
  /** The error that ended it, if any. */
  readonly error: unknown;
}

/** Reads a stream up to its end or its error. */
export async function read(
  stream: AsyncIterable<OpenAI.ChatCompletionChunk>,
): Promise<ReadResult<OpenAI.ChatCompletionChunk>> {
  const { chunks, error } = await collect(stream);
  return { chunks, text: chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), error };
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<{ chunks: T[]; error: unknown }> {
  const chunks: T[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
    return { chunks, error: undefined };
  } catch (error) {
    return { chunks, error };
  }
}
