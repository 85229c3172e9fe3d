// The upstream of all cells: a model's name sets its behaviour. Answers pages of any origin, like a proxy for browsers.
import { createServer } from 'node:http';

const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts it on a free port. A test page's POST to `/report` resolves `reports.get(name)`. */
export async function startServer() {
  /** @type {Map<string, (report: unknown) => void>} */
  const reports = new Map();
  /** @type {Map<string, string>} */
  const pages = new Map();
  const counts = new Map();

  const server = createServer(async (request, response) => {
    const { origin = '*', 'access-control-request-headers': wanted = '*' } = request.headers;
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-headers', wanted);
    response.setHeader('access-control-allow-methods', '*');
    response.setHeader('access-control-expose-headers', '*');
    if (request.method === 'OPTIONS') return response.end();
    const url = new URL(request.url ?? '/', 'http://upstream.test');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('latin1');
    const page = pages.get(url.pathname);
    if (page !== undefined) {
      const type = url.pathname.endsWith('.js') ? 'text/javascript' : 'text/html';
      return response.writeHead(200, { 'content-type': type }).end(page);
    }
    if (url.pathname.startsWith('/report/')) {
      reports.get(decodeURIComponent(url.pathname.slice('/report/'.length)))?.(
        JSON.parse(Buffer.from(text, 'latin1').toString('utf8')),
      );
      return response.end();
    }
    await answer({ request, response, path: url.pathname.replace('/v1', ''), text }).catch(() => response.destroy());
  });

  /** @param {{ request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse, path: string, text: string }} exchange */
  async function answer({ request, response, path, text }) {
    /** @type {(value: unknown, status?: number) => void} */
    const json = (value, status = 200) =>
      void response
        .writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_1' })
        .end(JSON.stringify(value));
    const binary = () =>
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.from([1, 2, 250, 255]));
    if (path === '/count') return json(Object.fromEntries(counts));
    if (path === '/models') {
      const after = new URL(request.url ?? '', 'http://a').searchParams.get('after');
      return json({ object: 'list', data: [{ id: after === null ? 'one' : 'two', object: 'model' }] });
    }
    if (path.endsWith('/content')) return binary();
    if (path === '/files')
      return json({ id: 'file_1', object: 'file', bytes: text.length, filename: /filename="([^"]*)"/.exec(text)?.[1] });
    if (path === '/audio/transcriptions') return json({ text: text.includes('sound') ? 'heard' : 'silence' });
    const body = text.startsWith('{') ? JSON.parse(text) : {};
    const { model = '', stream = false } = body;
    counts.set(model, (counts.get(model) ?? 0) + 1);
    if (model.startsWith('down')) return json({ error: { message: 'overloaded', code: 'overloaded' } }, 503);
    if (model.startsWith('bad')) return json({ error: { message: 'no such thing', code: 'wrong' } }, 400);
    if (model.startsWith('once') && counts.get(model) === 1) return json({ error: { message: 'wait' } }, 503);
    if (model.startsWith('hang')) return undefined;
    if (model.startsWith('slow')) await sleep(Number(/\d+/.exec(model)?.[0] ?? 300));
    if (path === '/audio/speech') return binary();
    if (path === '/embeddings') return json({ object: 'list', model, usage, data: vectors(body) });
    if (path === '/moderations') return json({ id: 'm', model, results: [{ flagged: false }] });
    if (path === '/images/generations') return json({ created: 1, data: [{ b64_json: 'aGk=' }] });
    if (path === '/responses') return stream ? events(response, responseEvents(model)) : json(responseOf(model));
    if (path === '/chat/completions')
      return stream ? events(response, chatChunks(model), model) : json(completion(body));
    return json({ error: { message: `no ${path}` } }, 404);
  }

  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    baseURL: `http://127.0.0.1:${port}/v1`,
    reports,
    pages,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function completion({ model, messages = [], tools }) {
  const usesTool = tools !== undefined && !messages.some(({ role }) => role === 'tool');
  const call = { id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}' } };
  const message = usesTool
    ? { role: 'assistant', content: null, tool_calls: [call] }
    : { role: 'assistant', content: model.startsWith('json') ? '{"answer":42}' : 'hello there' };
  return {
    id: 'chatcmpl_1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message, finish_reason: usesTool ? 'tool_calls' : 'stop' }],
    usage,
  };
}

function chatChunks(model) {
  const chunk = (delta, finish_reason = null) => ({
    id: 'chatcmpl_1',
    object: 'chat.completion.chunk',
    created: 1,
    model,
    choices: [{ index: 0, delta, finish_reason }],
  });
  return [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'hello ' }),
    chunk({ content: 'thére' }),
    chunk({}, 'stop'),
  ];
}

function responseOf(model) {
  const content = [{ type: 'output_text', text: 'hello there', annotations: [] }];
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model,
    output: [{ id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content }],
    usage: { input_tokens: 5, output_tokens: 2, total_tokens: 7 },
  };
}

function responseEvents(model) {
  const response = responseOf(model);
  const item = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  return [
    { type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
    { type: 'response.output_text.delta', ...item, delta: 'hello ' },
    { type: 'response.output_text.delta', ...item, delta: 'there' },
    { type: 'response.completed', response },
  ].map((event, at) => ({ ...event, sequence_number: at }));
}

async function events(response, list, model = '') {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of list) {
    response.write(`${event.type === undefined ? '' : `event: ${event.type}\n`}data: ${JSON.stringify(event)}\n\n`);
    // Stops in the middle until its reader leaves.
    if (model.startsWith('endless') && event === list[2]) return;
    await sleep(5);
  }
  response.end('data: [DONE]\n\n');
}

function vectors({ input, encoding_format }) {
  const list = Array.isArray(input) ? input : [input];
  return list.map((text, index) => {
    const vector = Float32Array.of(text.length, 0.5);
    const embedding = encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
}
