// How late calls settle in real time, on real sockets, if no deployment answers: `node drills/lateness.ts [calls]`.
// It only prints figures, because they depend on the machine's load.
import { ModelRouter } from 'model-router';
import { hang, startFakeProvider } from 'model-router/testing';
import { APIConnectionTimeoutError } from 'openai';
import { mulberry32 } from './chance.ts';

const AT_ONCE = 50;
const LEAST_MS = 50;
const MOST_MS = 400;

const calls = Number(process.argv[2] ?? 1000);
const random = mulberry32(1);

await using first = await startFakeProvider({ models: { m: hang() }, keep: 0 });
await using second = await startFakeProvider({ models: { m: hang() }, keep: 0 });
const router = new ModelRouter({
  clients: {
    first: { apiKey: 'sk-first', baseURL: first.url, logLevel: 'off' },
    second: { apiKey: 'sk-second', baseURL: second.url, logLevel: 'off' },
  },
  deployments: { first: { client: 'first', model: 'm' }, second: { client: 'second', model: 'm' } },
  routes: { standard: ['first', 'second'] },
});

/** Milliseconds between the deadline and the caller's error. */
async function lateness(): Promise<number> {
  const deadlineMs = Math.round(LEAST_MS + random() * (MOST_MS - LEAST_MS));
  const view = router.withOptions({ deadlineMs });
  const startedAt = performance.now();
  try {
    await view.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Hello?' }] });
  } catch (error) {
    // The deadline's own error; or the last attempt's, if a busy machine has left no time for another attempt.
    if (error instanceof APIConnectionTimeoutError) return performance.now() - startedAt - deadlineMs;
    throw error;
  }
  throw new Error('A provider that hangs has answered.');
}

const late: number[] = [];
while (late.length < calls) {
  const count = Math.min(AT_ONCE, calls - late.length);
  late.push(...(await Promise.all(Array.from({ length: count }, lateness))));
}
await router.close();

late.sort((a, b) => a - b);
const quantile = (q: number) => (late[Math.max(0, Math.ceil(q * late.length) - 1)] ?? Number.NaN).toFixed(2);
console.log(
  `${late.length} calls, ${AT_ONCE} at once, to two providers that hang, deadlines of ${LEAST_MS} to ${MOST_MS} ms: ` +
    `settled after the deadline by p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, max ${quantile(1)} ms`,
);
