/** An upstream that answers with the request's `traceparent`, whole or as a stream. */
export async function echo(_url: unknown, init?: RequestInit): Promise<Response> {
  const content = new Headers(init?.headers).get('traceparent') ?? '';
  const isStream = typeof init?.body === 'string' && JSON.parse(init.body).stream === true;
  // Other callers get time to send the same request.
  for (let i = 0; i < 20; i++) await Promise.resolve();
  const base = { id: 'chatcmpl-1', created: 1_750_000_000, model: 'm' };
  if (!isStream) {
    const choice = { index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' };
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    return Response.json({ ...base, object: 'chat.completion', choices: [choice], usage });
  }
  const half = content.length >> 1;
  const deltas = [
    { role: 'assistant', content: '' },
    { content: content.slice(0, half) },
    { content: content.slice(half) },
  ];
  const chunks: object[] = deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }));
  chunks.push({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  chunks.push({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
  const events = chunks.map(
    (chunk) => `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...chunk })}\n\n`,
  );
  return new Response(`${events.join('')}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } });
}
