// The answer of a route on either runtime: a failover, and whether errors are instances of the application's SDK.
export function failover({ callRecord, ModelRouter, OpenAI }) {
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-test', baseURL: process.env.UPSTREAM } },
    deployments: { down: {}, good: {}, bad: {} },
    routes: { chat: ['down', 'good'] },
  });
  const messages = [{ role: 'user', content: 'hello' }];

  return async function GET() {
    const answer = await router.chat.completions.create({ model: 'chat', messages });
    const error = await router.chat.completions.create({ model: 'bad', messages }).catch((thrown) => thrown);
    return Response.json({
      model: answer.model,
      outcomes: callRecord(answer).attempts.map(({ outcome }) => outcome),
      isOpenAI: router instanceof OpenAI,
      isBadRequest: error instanceof OpenAI.BadRequestError,
    });
  };
}
