import { type Behaviour, type BytesOptions, bytes } from 'model-router/testing';

/** One server-sent event. */
export function event(data: unknown): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

function chunk(delta: object, finishReason: string | null = null, index = 0) {
  const choices = [{ index, delta, finish_reason: finishReason }];
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices };
}

/** Events of a chat stream. */
export const role = event(chunk({ role: 'assistant', content: '' }));
export const done = event('[DONE]');
export const content = (text: string, index = 0) => event(chunk({ content: text }, null, index));
export const finish = (reason = 'stop', index = 0) => event(chunk({}, reason, index));

/** A role-only event of exactly `size` bytes. */
export function paddedRole(size: number): string {
  const empty = event({ ...chunk({ role: 'assistant' }), padding: '' });
  return event({ ...chunk({ role: 'assistant' }), padding: 'x'.repeat(size - empty.length) });
}

/** A stream, event by event; each is one read of the body. */
export function stream(chunks: readonly string[], options: Omit<BytesOptions, 'chunks'> = {}): Behaviour {
  return bytes({ chunks, headers: { 'content-type': 'text/event-stream' }, ...options });
}
