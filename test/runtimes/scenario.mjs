// The steps for a client in each runtime: once with a plain `OpenAI`, once with a router. It imports nothing, and
// uses only what all web platforms have in common.
const messages = [{ role: 'user', content: 'hello' }];
const limitMs = 5000;

/** @typedef {{ step: string, error: string | null }} Result */

/** Runs all steps with both. @returns {Promise<{ plain: Result[], router: Result[] }>} */
export async function scenario({ OpenAI, ModelRouter, callRecord, baseURL }) {
  return {
    plain: await run({ OpenAI, baseURL, kind: 'plain' }),
    router: await run({ OpenAI, ModelRouter, callRecord, baseURL, kind: 'router' }),
  };
}

async function run(context) {
  const results = [];
  for (const [step, work] of Object.entries(steps)) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done in ${limitMs} ms`)), limitMs);
    });
    let error = null;
    try {
      await Promise.race([Promise.resolve().then(() => work(context)), late]);
    } catch (thrown) {
      error = String((thrown instanceof Error && thrown.stack) || thrown).slice(0, 1200);
    }
    clearTimeout(timer);
    results.push({ step, error });
  }
  await context.client?.close?.();
  return results;
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}
function same(found, wanted) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  must(one === other, `${one}, and not ${other}`);
}
async function rejects(promise, Class, more = {}) {
  const error = await promise.then(
    (value) => {
      throw new Error(`it did not fail: ${JSON.stringify(value)}`);
    },
    (thrown) => thrown,
  );
  must(error instanceof Class, `another error: ${error?.stack ?? error}`);
  for (const [key, value] of Object.entries(more)) same(error[key], value);
  return error;
}

const settings = ({ baseURL }) => ({ apiKey: 'sk-test', baseURL, dangerouslyAllowBrowser: true });

/** A separate router, for a step that changes its state. */
function routerOf(context, options) {
  return new context.ModelRouter({ clients: { default: settings(context) }, ...options });
}

async function textOf(stream) {
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
  return text;
}

const count = async ({ baseURL }, model) => (await (await fetch(`${baseURL}/count`)).json())[model] ?? 0;
/** A name that no other step and no other cell uses. */
let names = 0;
const unique = (model) => `${model}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}-${names++}`;

/** A step that only a router can do. */
const routed = (work) => async (context) => {
  if (context.kind === 'router') await work(context);
};

const steps = {
  'make a client': (context) => {
    const { OpenAI, ModelRouter, kind } = context;
    context.client =
      kind === 'plain'
        ? new OpenAI(settings(context))
        : new ModelRouter({
            clients: { default: settings(context) },
            deployments: { 'model-a': { price: { input: 1, output: 2 } }, 'model-b': {} },
            routes: { standard: ['model-a', 'model-b'] },
            retry: { baseMs: 10 },
          });
    context.model = kind === 'plain' ? 'model-a' : 'standard';
    must(context.client instanceof OpenAI, 'it is no OpenAI');
  },
  create: async ({ client, model }) => {
    const answer = await client.chat.completions.create({ model, messages });
    same([answer.choices[0].message.content, answer.model, answer._request_id], ['hello there', 'model-a', 'req_1']);
  },
  withResponse: async ({ client, model }) => {
    const { data, response, request_id } = await client.chat.completions.create({ model, messages }).withResponse();
    same([data.model, response.status, request_id], ['model-a', 200, 'req_1']);
  },
  asResponse: async ({ client, model }) => {
    const response = await client.chat.completions.create({ model, messages }).asResponse();
    same([(await response.json()).model, response.headers.get('x-request-id')], ['model-a', 'req_1']);
  },
  stream: async ({ client, model }) => {
    same(await textOf(await client.chat.completions.create({ model, messages, stream: true })), 'hello thére');
  },
  'stream, left by break': async ({ client }) => {
    const stream = await client.chat.completions.create({ model: 'endless', messages, stream: true });
    for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    must(stream.controller.signal.aborted, 'the request goes on');
  },
  'stream, in two': async ({ client, model }) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    same(await Promise.all(stream.tee().map(textOf)), ['hello thére', 'hello thére']);
  },
  'stream to a ReadableStream': async ({ client, model }) => {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const text = await new Response(stream.toReadableStream()).text();
    same(text.trim().split('\n').length, 4);
  },
  'stream helper': async ({ client, model }) => {
    const stream = client.chat.completions.stream({ model, messages });
    same(await stream.finalContent(), 'hello thére');
  },
  parse: async ({ client }) => {
    const schema = { type: 'object', properties: { answer: { type: 'number' } } };
    const response_format = { type: 'json_schema', json_schema: { name: 'a', schema } };
    const parsed = {
      ...response_format,
      $parseRaw: (text) => JSON.parse(text),
      $brand: 'auto-parseable-response-format',
    };
    const answer = await client.chat.completions.parse({ model: 'json', messages, response_format: parsed });
    same(answer.choices[0].message.parsed, { answer: 42 });
  },
  runTools: async ({ client, model }) => {
    const add = {
      name: 'add',
      parse: JSON.parse,
      parameters: { type: 'object' },
      function: ({ a, b }) => String(a + b),
    };
    const runner = client.chat.completions.runTools({ model, messages, tools: [{ type: 'function', function: add }] });
    same(await runner.finalContent(), 'hello there');
  },
  responses: async ({ client, model }) => {
    same((await client.responses.create({ model, input: 'hello' })).output_text, 'hello there');
  },
  'responses, streamed': async ({ client, model }) => {
    let text = '';
    for await (const event of await client.responses.create({ model, input: 'hello', stream: true })) {
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    same(text, 'hello there');
  },
  embeddings: async ({ client }) => {
    const { data } = await client.embeddings.create({ model: 'vectors', input: ['a', 'bbb'] });
    same(
      data.map(({ embedding }) => embedding),
      [
        [1, 0.5],
        [3, 0.5],
      ],
    );
  },
  'embeddings, as numbers': async ({ client }) => {
    const { data } = await client.embeddings.create({ model: 'vectors', input: 'aa', encoding_format: 'float' });
    same(data[0].embedding, [2, 0.5]);
  },
  moderations: async ({ client }) => {
    same((await client.moderations.create({ model: 'moderator', input: 'a' })).results[0].flagged, false);
  },
  images: async ({ client }) => {
    same((await client.images.generate({ model: 'painter', prompt: 'a' })).data[0].b64_json, 'aGk=');
  },
  'binary answer': async ({ client }) => {
    const speech = await client.audio.speech.create({ model: 'speaker', voice: 'alloy', input: 'a' });
    same([...new Uint8Array(await speech.arrayBuffer())], [1, 2, 250, 255]);
  },
  'upload to a model': async ({ client, OpenAI }) => {
    const file = await OpenAI.toFile(new TextEncoder().encode('sound'), 'a.mp3');
    same((await client.audio.transcriptions.create({ model: 'hearer', file })).text, 'heard');
  },
  'upload of a file': async ({ client }) => {
    const file = new File(['content'], 'a.txt', { type: 'text/plain' });
    same((await client.files.create({ file, purpose: 'assistants' })).filename, 'a.txt');
  },
  'content of a file': async ({ client }) => {
    const response = await client.files.content('file_1');
    same([...new Uint8Array(await response.arrayBuffer())], [1, 2, 250, 255]);
  },
  lists: async ({ client }) => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    same(ids, ['one']);
  },
  'abort before the answer': async ({ client, OpenAI }) => {
    const controller = new AbortController();
    const call = client.chat.completions.create({ model: 'hang', messages }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await rejects(call, OpenAI.APIUserAbortError);
  },
  'abort of a stream': async ({ client }) => {
    const controller = new AbortController();
    const { signal } = controller;
    const stream = await client.chat.completions.create({ model: 'endless', messages, stream: true }, { signal });
    for await (const { choices } of stream) if (choices[0]?.delta.content) controller.abort();
  },
  timeout: async ({ client, OpenAI }) => {
    const call = client.chat.completions.create({ model: 'hang', messages }, { timeout: 50, maxRetries: 0 });
    await rejects(call, OpenAI.APIConnectionTimeoutError);
  },
  'an error of the caller': async ({ client, OpenAI }) => {
    const call = client.chat.completions.create({ model: 'bad', messages });
    await rejects(call, OpenAI.BadRequestError, { status: 400, code: 'wrong', requestID: 'req_1' });
  },
  'another try': async ({ client }) => {
    const answer = await client.chat.completions.create({ model: unique('once'), messages });
    same(answer.choices[0].message.content, 'hello there');
  },
  'no connection': async (context) => {
    const { OpenAI, ModelRouter, kind } = context;
    const Client = kind === 'plain' ? OpenAI : ModelRouter;
    const client = new Client({ ...settings(context), baseURL: 'http://127.0.0.1:9/v1', maxRetries: 0 });
    await rejects(client.chat.completions.create({ model: 'a', messages }), OpenAI.APIConnectionError);
  },
  withOptions: async ({ client, model }) => {
    const answer = await client.withOptions({ timeout: 4000 }).chat.completions.create({ model, messages });
    same(answer.model, 'model-a');
  },
  failover: routed(async (context) => {
    const router = routerOf(context, {
      deployments: { down: {}, good: {} },
      routes: { chat: ['down', 'good'] },
      retry: { baseMs: 5 },
    });
    const answer = await router.chat.completions.create({ model: 'chat', messages });
    const { attempts, deployment } = context.callRecord(answer);
    same([answer.model, deployment, attempts[0].status], ['good', 'good', 503]);
    await router.close();
  }),
  'failover of a stream': routed(async (context) => {
    const router = routerOf(context, {
      deployments: { down: {}, good: {} },
      routes: { chat: ['down', 'good'] },
      retry: { baseMs: 5 },
    });
    const stream = await router.chat.completions.create({ model: 'chat', messages, stream: true });
    same(await textOf(stream), 'hello thére');
    const { deployment, usage } = context.callRecord(stream);
    must(deployment === 'good' && usage !== undefined, 'its record is not complete');
    await router.close();
  }),
  deadline: routed(async (context) => {
    const router = routerOf(context, { deadlineMs: 80 });
    const { OpenAI } = context;
    const call = router.chat.completions.create({ model: 'hang', messages });
    await rejects(call, OpenAI.APIConnectionTimeoutError, { code: 'deadline_exceeded' });
    await router.close();
  }),
  hedging: routed(async (context) => {
    const router = routerOf(context, {
      deployments: { slow2000: {}, good: {} },
      routes: { chat: ['slow2000', 'good'] },
      hedgeAfterMs: 30,
    });
    same((await router.chat.completions.create({ model: 'chat', messages })).model, 'good');
    await router.close();
  }),
  cache: routed(async (context) => {
    const router = routerOf(context, { cache: true });
    const model = unique('slow50');
    const send = () => router.chat.completions.create({ model, messages });
    await Promise.all([send(), send()]);
    await send();
    same(await textOf(await router.chat.completions.create({ model, messages, stream: true })), 'hello there');
    const { hits, joined, misses } = router.snapshot().cache;
    // If calls in flight are not shared, each of the first two is a miss.
    same([hits, joined + misses], [2, 2]);
    same(await count(context, model), misses);
    const embed = () => router.embeddings.create({ model: 'vectors', input: ['a', 'bb'] });
    await embed();
    same(
      (await embed()).data.map(({ embedding }) => embedding),
      [
        [1, 0.5],
        [2, 0.5],
      ],
    );
    await router.close();
  }),
  budgets: routed(async (context) => {
    const deployments = { a: { price: { input: 1000, output: 1000 } } };
    const router = routerOf(context, { deployments, budgets: [{ usd: 0.01, window: 'day' }] });
    await rejects(router.chat.completions.create({ model: 'a', messages }), context.OpenAI.OpenAIError ?? Error, {
      code: 'spend_budget_exceeded',
    });
    await router.close();
  }),
  breaker: routed(async (context) => {
    const breaker = {
      failures: 3,
      windowMs: 10_000,
      minRate: 0,
      consecutive: Number.POSITIVE_INFINITY,
      cooldownMs: 5000,
    };
    const router = routerOf(context, {
      deployments: { down: {}, good: {} },
      routes: { chat: ['down', 'good'] },
      breaker,
      retry: { budget: 0 },
    });
    const opened = [];
    router.on('breaker-opened', ({ deployment }) => opened.push(deployment));
    for (let call = 0; call < 3; call++) await router.chat.completions.create({ model: 'chat', messages });
    same([router.snapshot().deployments.down.state, opened], ['open', ['down']]);
    await router.close();
  }),
  'events, record and snapshot': routed(async (context) => {
    const router = routerOf(context, { deployments: { a: { price: { input: 1, output: 2 } } } });
    const ended = [];
    router.on('call-ended', ({ record }) => ended.push(record.deployment));
    const answer = await router.chat.completions.create({ model: 'a', messages });
    same(ended, ['a']);
    same(context.callRecord(answer).costUsd, 0.000009);
    same(JSON.parse(JSON.stringify(router)).deployments.a.requests, 1);
    must(!JSON.stringify(router).includes('sk-test'), 'it shows its key');
    await router.close();
  }),
  'check, explain and asFetch': routed(async (context) => {
    const router = routerOf(context, { deployments: { a: {}, down: {} } });
    same(
      (await router.check()).map(({ deployment, ok }) => [deployment, ok]),
      [
        ['a', true],
        ['down', false],
      ],
    );
    same(router.explain({ model: 'a', messages }).deployments[0].id, 'a');
    const body = JSON.stringify({ model: 'a', messages });
    const headers = { 'content-type': 'application/json' };
    const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      body,
      headers,
    });
    same((await response.json()).model, 'a');
    await router.close();
  }),
};
