// The body of a program that has loaded `OpenAI` and `ModelRouter`, in either module system or a bundle: the router's
// objects and errors are instances of the application's own SDK.
const messages = [{ role: 'user', content: 'hello' }];

/** @param {unknown} condition @param {string} message */
function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** The error of a call, on a client that the router builds or gets. */
async function errorOf(fetch, options = {}, body = {}) {
  const settings = { apiKey: 'sk-check', baseURL: 'https://upstream.test/v1', fetch };
  const plain = new OpenAI(settings);
  const found = [];
  for (const client of [settings, plain]) {
    const router = new ModelRouter({ clients: { default: client } });
    // The main export of openai 6 is in CommonJS a function that no client is an instance of.
    must(router instanceof OpenAI === plain instanceof OpenAI, 'the router is no OpenAI');
    must(router instanceof OpenAI.OpenAI && router instanceof ModelRouter, 'the router is no OpenAI');
    const error = await router.chat.completions.create({ model: 'a', messages, ...body }, options).then(
      async (answer) => {
        try {
          for await (const _ of answer);
        } catch (thrown) {
          return thrown;
        }
        return undefined;
      },
      (thrown) => thrown,
    );
    await router.close();
    found.push(error);
  }
  return found;
}

const answer = (status) => async () => Response.json({ error: { message: 'no', code: 'x' } }, { status });
const hang = (_, { signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
const cut = async () => {
  const chunk = {
    id: 'a',
    object: 'chat.completion.chunk',
    model: 'a',
    choices: [{ index: 0, delta: { content: 'a' } }],
  };
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(chunk)}\n\n`));
    },
    pull(controller) {
      controller.error(new TypeError('terminated'));
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
};
const abort = new AbortController();
setTimeout(() => abort.abort(), 20);

const cases = [
  [OpenAI.BadRequestError, answer(400)],
  [OpenAI.AuthenticationError, answer(401)],
  [OpenAI.PermissionDeniedError, answer(403)],
  [OpenAI.NotFoundError, answer(404)],
  [OpenAI.ConflictError, answer(409)],
  [OpenAI.UnprocessableEntityError, answer(422)],
  [OpenAI.RateLimitError, answer(429)],
  [OpenAI.InternalServerError, answer(500)],
  [OpenAI.APIConnectionError, () => Promise.reject(new TypeError('fetch failed'))],
  [OpenAI.APIConnectionTimeoutError, hang, { timeout: 20 }],
  [OpenAI.APIUserAbortError, hang, { signal: abort.signal }],
  [OpenAI.APIConnectionError, cut, {}, { stream: true }],
];

(async () => {
  for (const [Class, fetch, options = {}, body = {}] of cases) {
    for (const error of await errorOf(fetch, { maxRetries: 0, ...options }, body)) {
      must(error instanceof Class && error instanceof OpenAI.APIError, `${error} is no ${Class.name}`);
    }
  }
  // If the first deployment fails, the router classifies the error by its class before the failover.
  const fetch = async (_, { body }) =>
    JSON.parse(body).model === 'bad'
      ? answer(503)()
      : Response.json({
          id: 'a',
          object: 'chat.completion',
          model: 'good',
          choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'hi' } }],
        });
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-check', baseURL: 'https://upstream.test/v1', fetch } },
    deployments: { bad: {}, good: {} },
    routes: { chat: ['bad', 'good'] },
  });
  const { model } = await router.chat.completions.create({ model: 'chat', messages });
  must(model === 'good', `answered by ${model}`);
  await router.close();
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
