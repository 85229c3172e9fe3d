/** Whether an answer is a stream of server-sent events, whatever was requested. */
export function isEventStream(headers: Headers): boolean {
  return /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');
}
