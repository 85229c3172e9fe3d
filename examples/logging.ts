// Which model was called, and which version of it answered: as a log line, as events, and as a record.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const key = 'a-key-for-the-fake';
const prompt = 'My PIN is 4711. Is that a good one?';
const usage = { inputTokens: 900, outputTokens: 100 };
const provider = await startFakeProvider({
  models: {
    [cheap]: [answer({ usage }), fail(500, { message: `I choked on: ${prompt}` })],
    [other]: answer({ usage, latencyMs: 120 }),
  },
  // Providers update models under one name: the answer says which build it came from.
  servedModels: { [cheap]: 'deepseek-v4-flash-2026-10-14', [other]: 'qwen3-32b-fp8-0925' },
});

// Any logger of the SDK's shape: console, pino, winston.
const lines: string[] = [];
const write = (message: string) => {
  lines.push(message);
  console.log(`log    ${message}`);
};
const router = new ModelRouter({
  clients: { default: { apiKey: key, baseURL: provider.url } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: { price: { input: 0.28, output: 0.28 } } },
  routes: { standard: [cheap, other] },
  slowMs: 100, // default 500
  logger: { error: write, warn: write, info: write, debug: write },
  logLevel: 'info', // one line a call, one more a slow attempt
});

const events: unknown[] = [];
const report = (event: { type: string }, text: string) => {
  events.push(event);
  console.log(`event  ${event.type}: ${text}`);
};
router.on('attempt-failed', (event) => report(event, `${event.attempt.deployment} ${event.attempt.error}`));
router.on('attempt-slow', (event) => report(event, `${event.deployment} took over ${event.slowMs} ms`));
const stop = router.on('call-ended', (event) =>
  report(event, `${event.record.requestedModel}: ${event.record.servedModel}`),
);

for (let i = 0; i < 2; i += 1) {
  const completion = await router.chat.completions.create({
    model: 'standard',
    messages: [{ role: 'user', content: prompt }],
  });
  const record = callRecord(completion) ?? assert.fail('a call of the router has a record');
  const { requestedModel, deployment, servedModel, costUsd } = record;
  console.log(`record ${JSON.stringify({ requestedModel, deployment, servedModel, costUsd })}\n`);
}
stop();

const served = lines.flatMap((line) => /served=(\S+)/.exec(line)?.[1] ?? []);
assert.deepEqual(served, ['deepseek-v4-flash-2026-10-14', 'qwen3-32b-fp8-0925']);
// No key, no prompt and no upstream text, which may quote one, in anything that the router writes.
for (const secret of [key, '4711']) assert(!JSON.stringify([lines, events]).includes(secret));

await router.close();
await provider.close();
