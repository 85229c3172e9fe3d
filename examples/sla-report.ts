// What a provider promised, what it delivered, and an alarm while the month can still be saved, across a restart.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelRouter, type RouterOptions } from 'model-router';
import { fileState } from 'model-router/node';
import { answer, fail, fakeFetch } from 'model-router/testing';

const directory = await mkdtemp(join(tmpdir(), 'sla-report-'));
// A bad minute: 12 of 200 answers are errors, and the fallback saves the calls.
const primary = Array.from({ length: 200 }, (_, i) => (i >= 100 && i < 112 ? fail(500) : answer()));
const fake = fakeFetch({ models: { primary, fallback: answer() } });
const options: RouterOptions = {
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'http://fake.test/v1', fetch: fake } },
  deployments: {
    primary: { region: 'eu', sla: { uptime: 0.99, p99Ms: 500 } },
    fallback: { region: 'us' },
  },
  routes: { chat: { deployments: ['primary', 'fallback'], sla: { uptime: 0.999 } } },
  breaker: false,
  retry: { budget: 0, minPerSecond: 0 },
  state: fileState(directory),
  logLevel: 'off',
};

const router = new ModelRouter(options);
const alarms: string[] = [];
router.on('sla-burning', ({ deployment, route, severity, burnRate }) => {
  alarms.push(severity);
  console.log(`${severity}: ${deployment ?? route} burns its error budget ${burnRate} times too fast`);
});
const call = () => router.chat.completions.create({ model: 'chat', messages: [{ role: 'user', content: 'Hello.' }] });
for (let i = 0; i < 200; i += 1) await call();
await router.close();

// The next process continues where this one stopped.
const next = new ModelRouter(options);
await next.chat.completions.create({ model: 'chat', messages: [{ role: 'user', content: 'Hello.' }] });
const report = next.slaReport();
console.log(`\n${report}`);

const { primary: measured } = report.deployments;
assert(measured !== undefined);
assert.equal(measured.failed, 12);
assert.equal(measured.met, false);
assert.equal(report.routes.chat?.met, true); // callers noticed nothing
assert.equal(report.routes.chat.answered, 201);
assert.deepEqual(alarms, ['ticket', 'page']);

await next.close();
await rm(directory, { recursive: true });
