// Routes named after the work: summaries and extraction on the cheap tier, reasoning on the premium one, embeddings too.
// Code names the work; one place says which model does it.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const flash = 'deepseek-ai/DeepSeek-V4-Flash';
const qwen = 'qwen/Qwen3-32B';
const pro = 'Pro/deepseek-ai/DeepSeek-V3.2';
const usage = { inputTokens: 3000, outputTokens: 400 };
const provider = await startFakeProvider({
  models: {
    [flash]: answer({ usage }),
    [qwen]: answer({ usage }),
    [pro]: answer({ usage }),
    'BAAI/bge-m3': answer({ usage }),
    'Pro/BAAI/bge-m3': answer({ usage }),
  },
});
const connection = { apiKey: 'a-key-for-the-fake', baseURL: provider.url };
const router = new ModelRouter({
  clients: { default: connection, pro: connection },
  deployments: {
    [flash]: { price: { input: 0.25, output: 0.25 }, capabilities: { jsonSchema: false } },
    [qwen]: { price: { input: 0.28, output: 0.28 } },
    [pro]: { client: 'pro', price: { input: 2.5, output: 2.5 } },
    // Vectors of different models cannot be compared, so embeddings only move between deployments of one space.
    'BAAI/bge-m3': { price: { input: 0.01, output: 0 }, embeddingSpace: 'bge-m3' },
    'Pro/BAAI/bge-m3': { client: 'pro', price: { input: 0.1, output: 0 }, embeddingSpace: 'bge-m3' },
  },
  routes: {
    summaries: { deployments: [flash, qwen], deadlineMs: 20_000 },
    extraction: { deployments: [flash, qwen], deadlineMs: 20_000 },
    reasoning: { deployments: [pro], deadlineMs: 120_000, priority: 'premium' },
    embeddings: ['BAAI/bge-m3', 'Pro/BAAI/bge-m3'],
  },
});

/** Prints where a call went, and its cost. */
function servedBy(holder: unknown): string {
  const record = callRecord(holder) ?? assert.fail('a call of the router has a record');
  console.log(`${record.route?.padEnd(11)} ${record.deployment?.padEnd(30)} $${record.costUsd?.toFixed(6)}`);
  return record.deployment ?? '';
}

const report = [{ role: 'user' as const, content: 'A report of ten pages ...' }];
const summary = await router.chat.completions.create({ model: 'summaries', messages: report });
assert.equal(servedBy(summary), flash);

// Helpers work as on a plain client. This one needs a JSON schema, which the first deployment declares as unsupported.
const Invoice = z.object({ number: z.string(), total: z.number() });
const extracted = await router.chat.completions.parse({
  model: 'extraction',
  messages: report,
  response_format: zodResponseFormat(Invoice, 'invoice'),
});
assert.equal(servedBy(extracted), qwen);
assert.equal(typeof extracted.choices[0]?.message.parsed?.total, 'number');

const reasoned = await router.chat.completions.create({ model: 'reasoning', messages: report });
assert.equal(servedBy(reasoned), pro);

const before = await router.embeddings.create({ model: 'embeddings', input: 'refund policy' });
assert.equal(servedBy(before), 'BAAI/bge-m3');
provider.set('BAAI/bge-m3', fail(503));
const after = await router.embeddings.create({ model: 'embeddings', input: 'refund policy' });
assert.equal(servedBy(after), 'Pro/BAAI/bge-m3');

await router.close();
await provider.close();
