// An upstream inside the process: a fetch that answers from memory, as cheap as a fetch can be.
const BODY = JSON.stringify({
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1_750_000_000,
  model: 'bench-model',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'An answer of a usual length. '.repeat(20), refusal: null },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 240, completion_tokens: 120, total_tokens: 360 },
});
const ERROR = JSON.stringify({ error: { message: 'Overloaded.', type: 'server_error', code: null, param: null } });
const CHUNKS = 100;

const encoder = new TextEncoder();
const event = (rest: object) =>
  encoder.encode(
    `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_750_000_000, model: 'bench-model', ...rest })}\n\n`,
  );
const choice = (delta: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
const CONTENT = [
  choice({ role: 'assistant', content: '' }),
  ...Array.from({ length: CHUNKS - 2 }, (_, i) => choice({ content: ` word${i}` })),
  choice({}, 'stop'),
];
const END = encoder.encode('data: [DONE]\n\n');
const usage = { prompt_tokens: 240, completion_tokens: 120, total_tokens: 360 };
const STREAM = [...CONTENT, END];
/** The stream of a server that was requested to report usage, as the router does if there is a price. */
const STREAM_WITH_USAGE = [...CONTENT, event({ choices: [], usage }), END];

const json = { 'content-type': 'application/json', 'x-request-id': 'req_bench' };
const sse = { 'content-type': 'text/event-stream', 'x-request-id': 'req_bench' };

export async function answering(_url: unknown, init?: RequestInit): Promise<Response> {
  if (typeof init?.body !== 'string' || !init.body.includes('"stream":true'))
    return new Response(BODY, { headers: json });
  const chunks = init.body.includes('"include_usage":true') ? STREAM_WITH_USAGE : STREAM;
  let next = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[next++];
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
  return new Response(body, { headers: sse });
}

export async function failing(): Promise<Response> {
  return new Response(ERROR, { status: 503, headers: json });
}
