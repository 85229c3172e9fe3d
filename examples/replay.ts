// What would another configuration have done last week? A trace has one line for each call, written as calls end. It is
// replayed against its own configuration, and against another one.
import assert from 'node:assert/strict';
import { ModelRouter, type RouterOptions } from 'model-router';
import { compare, lognormal, simulate } from 'model-router/simulate';
import { answer, fail, hang } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';

const now: RouterOptions = {
  clients: { default: { apiKey: process.env.GLOBAL_API_KEY, baseURL: 'https://global-apis.com/v1' } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: { price: { input: 0.6, output: 2.2 } } },
  routes: { standard: [cheap] },
  deadlineMs: 3000,
};
const next: RouterOptions = { ...now, routes: { standard: [cheap, other] } };

const lines: string[] = [];
const usage = { inputTokens: 900, outputTokens: 250 };

// An application writes its trace to a file; here, a simulated hour stands for last week.
await simulate({
  router: ({ offline }) => {
    const router = new ModelRouter(offline({ ...now, fallbacks: [other] }));
    router.on('call-ended', ({ record }) => lines.push(JSON.stringify({ endedAt: Date.now(), ...record })));
    return router;
  },
  // Some calls already went to the other model: without them, there would be no data about it.
  traffic: { perSecond: 1, durationMs: 30 * 60_000, mix: [{ model: 'standard', share: 4 }, { model: other }] },
  upstreams: {
    [cheap]: answer({ latencyMs: lognormal({ medianMs: 400 }), usage }),
    [other]: answer({ latencyMs: 600, usage }),
  },
  faults: [
    { at: cheap, behavior: hang(), fromMs: 10 * 60_000, toMs: 15 * 60_000 },
    { at: cheap, behavior: fail(503), share: 0.01 },
  ],
});

const { table, caveats, configurations, recorded } = await compare({
  trace: lines.join('\n'), // or the result of `readTrace('calls.jsonl')`
  configurations: {
    now: ({ offline }) => new ModelRouter(offline(now)),
    next: ({ offline }) => new ModelRouter(offline(next)),
  },
});
console.log(table);
console.log('\nWhat the trace cannot show:');
for (const each of caveats) console.log(`- ${each}`);

const availability = (name: string) => configurations[name]?.availability ?? 0;
assert.ok(Math.abs(availability('now') - recorded.availability) < 0.01, 'a replay comes close to what was recorded');
assert.ok(availability('next') > 0.995 && availability('now') < 0.9);
