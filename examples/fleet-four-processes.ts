// Four processes share one budget of a dollar, over a separate Redis on this machine. Alone, each would spend a dollar.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ModelRouter, SpendBudgetExceededError } from 'model-router';
import { redisFleet } from 'model-router/redis';
import { answer, fakeFetch } from 'model-router/testing';
import { createClient } from 'redis';

const PROCESSES = 4;

if (process.argv[2] === 'worker') await work(process.argv[3] ?? '');
else if (spawnSync('redis-server', ['--version']).status !== 0)
  console.log('Skipped: there is no redis-server on this machine (apt-get install redis-server).');
else await main();

async function work(url: string): Promise<void> {
  const client = createClient({ url, disableOfflineQueue: true });
  client.on('error', () => {});
  await client.connect();
  const fetch = fakeFetch(answer({ usage: { inputTokens: 10, outputTokens: 1000 } }));
  const router = new ModelRouter({
    clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'http://fake.test/v1', fetch } },
    deployments: { model: { price: { input: 0.25, output: 20 }, maxOutputTokens: 1000 } }, // two cents a call
    routes: { standard: ['model'] },
    budgets: [{ usd: 1, window: 'month' }],
    fleet: redisFleet(client, { name: 'example' }),
    maxAttempts: 1,
    logLevel: 'off',
  });
  let answered = 0;
  let refused = 0;
  for (let i = 0; i < 40; i++) {
    try {
      await router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Hello.' }] });
      answered += 1;
    } catch (error) {
      assert(error instanceof SpendBudgetExceededError);
      refused += 1;
    }
  }
  await router.close();
  client.destroy();
  process.send?.({ answered, refused });
  process.disconnect();
}

async function main(): Promise<void> {
  const port = await freePort();
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()];
  const server = spawn('redis-server', settings, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    for await (const chunk of server.stdout) if (String(chunk).includes('Ready to accept connections')) break;
    const url = `redis://127.0.0.1:${port}`;
    const reports = await Promise.all(
      Array.from({ length: PROCESSES }, async () => {
        const child = fork(fileURLToPath(import.meta.url), ['worker', url], { execArgv: process.execArgv });
        const [report]: { answered: number; refused: number }[] = await once(child, 'message');
        assert(report !== undefined);
        return report;
      }),
    );
    for (const [i, { answered, refused }] of reports.entries())
      console.log(`  process ${i + 1}: ${answered} calls answered, ${refused} refused`);
    const answered = reports.reduce((sum, report) => sum + report.answered, 0);
    console.log(`Together ${answered} calls at two cents: $${(answered * 0.02).toFixed(2)} of one dollar.`);
    assert(answered * 0.02 <= 1);
    assert(answered >= 40);
  } finally {
    server.kill();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  assert(typeof address === 'object' && address !== null);
  return address.port;
}
