/** The events of the SDK's stream helpers and runners. */
interface Emitter<Name extends string> {
  on(name: Name, listener: (...args: unknown[]) => void): unknown;
}

/** All events of a helper, in order. Their values are copied, because helpers keep changing them. */
export function eventsOf<Name extends string>(emitter: Emitter<Name>, names: readonly Name[]): unknown[] {
  const events: unknown[] = [];
  for (const name of names) {
    emitter.on(name, (...args) => events.push([name, ...args.map(copy)]));
  }
  return events;
}

const copy = (value: unknown) => (value instanceof Error ? value : structuredClone(value));

export const baseEvents = ['connect', 'error', 'abort', 'end'] as const;

export const chatEvents = [
  ...baseEvents,
  'message',
  'chatCompletion',
  'finalContent',
  'finalMessage',
  'finalChatCompletion',
  'totalUsage',
] as const;

export const streamEvents = [
  ...chatEvents,
  'chunk',
  'content',
  'content.delta',
  'content.done',
  'refusal.delta',
  'refusal.done',
  'tool_calls.function.arguments.delta',
  'tool_calls.function.arguments.done',
  'logprobs.content.delta',
  'logprobs.content.done',
] as const;

export const toolEvents = [
  'functionToolCall',
  'functionToolCallResult',
  'finalFunctionToolCall',
  'finalFunctionToolCallResult',
] as const;
