// A quarter of an hour of trouble in seconds: a router with two fallbacks, and a plain client, under the same traffic
// and the same faults. Writes a page to look at: `npm run chaos`, or with `-- --minutes 30 --seed 2 --out
// /tmp/chaos.html`.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ModelRouter, type RouterOptions } from 'model-router';
import { lognormal, simulate, simulationReport, simulationTable } from 'model-router/simulate';
import { answer, fail, hang } from 'model-router/testing';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'chaos.html' },
    calls: { type: 'string', default: '10' },
  },
});
const minutes = Number(values.minutes);
const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const second = 'qwen/Qwen3-32B';
const third = 'zai-org/GLM-5';
const baseURL = 'https://global-apis.com/v1';
const deadlineMs = 3000;

/** The options of an application. */
const options: RouterOptions = {
  clients: {
    default: { apiKey: process.env.GLOBAL_API_KEY, baseURL },
    fallback: { apiKey: process.env.GLOBAL_API_FALLBACK_KEY, baseURL },
  },
  deployments: {
    [cheap]: { price: { input: 0.25, output: 0.25 } },
    [second]: { client: 'fallback', price: { input: 0.28, output: 0.28 } },
    [third]: { client: 'fallback', price: { input: 0.6, output: 2.2 } },
  },
  routes: { standard: [cheap, second, third] },
  deadlineMs,
};

const usage = { inputTokens: 900, outputTokens: 250 };
const usual = (medianMs: number) => answer({ latencyMs: lognormal({ medianMs, sigma: 0.45 }), usage });
/** A share of the whole run, in milliseconds from the start. */
const at = (share: number) => share * minutes * 60_000;

const result = await simulate({
  router: ({ offline }) => new ModelRouter(offline(options)),
  traffic: { perSecond: Number(values.calls), durationMs: at(1), streamShare: 0.2, model: 'standard' },
  upstreams: { [cheap]: usual(350), [second]: usual(450), [third]: usual(600) },
  faults: [
    { at: cheap, behavior: hang(), fromMs: at(0.1), toMs: at(0.4) },
    { at: cheap, behavior: fail(503), fromMs: at(0.5), toMs: at(0.6) },
    {
      at: second,
      behavior: fail(429, { headers: { 'retry-after': '20' } }),
      share: 0.1,
      fromMs: at(0.3),
      toMs: at(0.55),
    },
    {
      at: [cheap, second],
      behavior: answer({ latencyMs: lognormal({ medianMs: 2500 }), usage }),
      fromMs: at(0.7),
      toMs: at(0.8),
    },
    { at: [cheap, second, third], behavior: fail(500), share: 0.01 },
    { at: cheap, behavior: hang(), share: 0.002 },
  ],
  baseline: true,
  seed: Number(values.seed),
});

const file = resolve(values.out);
writeFileSync(file, simulationReport(result, { title: `${minutes} minutes of trouble`, deadlineMs }));
const { baseline, advice } = result;
console.log(simulationTable({ 'with the router': result, ...(baseline && { without: baseline }) }));
console.log(`\n${result.wasted} upstream calls went to what was down. Without: ${baseline?.client}.`);
for (const sentence of advice) console.log(`- ${sentence}`);
console.log(`\n${file}`);
