// A status page next to your own routes: which model fails, where, since when, why, and at what cost; and the same for
// Prometheus. `npm run example status-page -- --stay` keeps it running, to look at in a browser.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ModelRouter } from 'model-router';
import { nodeStatusHandler, type Status } from 'model-router/status';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({
  models: { [cheap]: answer({ latencyMs: 20 }), [other]: answer({ latencyMs: 30 }) },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: {
    [cheap]: { region: 'eu', price: { input: 0.25, output: 0.25 } },
    [other]: { region: 'us', price: { input: 0.28, output: 0.28 } },
  },
  routes: { standard: [cheap, other] },
});

// The line that matters. On Express: app.use('/status', requireAdmin, nodeStatusHandler(router));
const status = nodeStatusHandler(router, { title: 'Support desk' });

const server = createServer((request, response) => {
  if (request.url?.startsWith('/status')) status(request, response);
  else response.end('The application.');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/status`;

const ask = () =>
  router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Hello!' }] });
for (let i = 0; i < 5; i += 1) await ask();
provider.set(cheap, fail(503));
for (let i = 0; i < 8; i += 1) await ask();

const page = await fetch(url);
assert.equal(page.status, 200);
assert.match(await page.text(), /<title>Support desk<\/title>/);

const { deployments, calls, process: shown } = (await (await fetch(`${url}/status.json`)).json()) as Status;
console.log(`${url} of process ${shown.id}: ${calls.answered} of ${calls.counted} calls answered`);
for (const [id, { health, region, since, lastFailure, costUsd }] of Object.entries(deployments)) {
  const why = lastFailure === null ? '' : `, ${lastFailure.outcome} ${lastFailure.status}`;
  console.log(`  ${health.padEnd(7)} ${id} (${region}) since ${since}${why}, $${costUsd?.toFixed(6)}`);
}
assert.equal(deployments[cheap]?.health, 'down');
assert.equal(deployments[cheap].lastFailure?.status, 503);
assert.equal(deployments[other]?.health, 'working');

const metrics = await (await fetch(`${url}/metrics`)).text();
const failovers = metrics.split('\n').find((line) => /failovers_total.*reason="server-error"/.test(line));
console.log(`\n${url}/metrics, for Prometheus:\n  ${failovers}`);
assert.match(failovers ?? '', / [1-9]\d*$/);
assert(!metrics.includes('a-key'));

if (process.argv.includes('--stay')) {
  console.log(`\nOpen ${url}, or: npx model-router status ${url}`);
  setInterval(() => void ask(), 1000);
} else {
  server.closeAllConnections();
  server.close();
  await router.close();
  await provider.close();
}
