import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { callRecord, pinoLogger, type RouterEvent, winstonLogger } from 'model-router';
import { simulate, simulationReport, simulationTable } from 'model-router/simulate';
import { nodeStatusHandler, statusHandler } from 'model-router/status';
import { answer, type Behaviour, cut, fail } from 'model-router/testing';
import { expect, it } from 'vitest';
import { statusCommand } from '../../src/cli/status-command.js';
import { EVENT_TYPES } from '../../src/telemetry/events.js';
import { listening } from '../helpers/listening.js';
import fc from '../helpers/property.js';
import { build } from '../helpers/routers.js';
import { small } from '../helpers/simulated.js';
import { telemetry } from '../helpers/telemetry.js';

/** The client's key in `build`. */
const KEY = 'sk-key-of-default';
const PROMPT = 'marked prompt 8d1f';
const ANSWER = 'marked answer 71c4';

/** Providers' behaviours, each with the prompt and the key in its texts. */
const echo = { message: `You sent ${PROMPT} with ${KEY}.`, code: KEY, headers: { 'x-request-id': KEY } };
const steps = fc.constantFrom<Behaviour>(
  answer({ content: ANSWER, usage: { inputTokens: 11, outputTokens: 5 } }),
  answer({ content: ANSWER, headers: { 'x-request-id': KEY } }),
  fail(400, echo),
  fail(401, echo),
  fail(429, { ...echo, headers: { ...echo.headers, 'retry-after': '0' } }),
  fail(500, echo),
  cut(),
);
const kinds = fc.constantFrom('chat', 'stream', 'responses', 'embeddings', 'as-fetch');

/** Collects everything that a router of these deployments outputs about the calls. */
async function outputsOf(a: Behaviour[], b: Behaviour[], calls: readonly string[]): Promise<Record<string, string>> {
  const received: Record<string, unknown[]> = { pino: [], winston: [], events: [], channels: [], records: [] };
  const pino = (...line: unknown[]) => received.pino?.push(line);
  const other = winstonLogger({ log: (entry) => received.winston?.push(entry) });
  const own = pinoLogger({ error: pino, warn: pino, info: pino, debug: pino });
  const both =
    (level: 'error' | 'warn' | 'info' | 'debug') =>
    (message: string, ...rest: unknown[]) => {
      // The SDK's own lines are not the router's.
      if (!message.startsWith('model-router')) return;
      own[level](message, ...rest);
      other[level](message, ...rest);
    };
  const { router } = build(
    { a, b },
    {
      logger: { error: both('error'), warn: both('warn'), info: both('info'), debug: both('debug') },
      logLevel: 'debug',
      slowMs: 0.001,
      cache: 'idempotent',
      deployments: { a: { price: { input: 1, output: 1 }, sla: { uptime: 0.99 } }, b: {} },
      routes: { standard: { deployments: ['a', 'b'], sla: { uptime: 0.99, p99Ms: 1 } } },
      budgets: [{ usd: 5, window: 'day', per: 'tenant' }],
      unknownPrice: 'allow',
      deadlineMs: 2000,
    },
  );
  const hear = (message: unknown) => void received.channels?.push(message);
  subscribe('model-router:call', hear);
  subscribe('model-router:attempt', hear);
  for (const type of EVENT_TYPES) router.on(type, (event: RouterEvent) => received.events?.push(event));
  const otel = telemetry();
  const stop = otel.instrument(router, { tenantLabel: true });
  const page = statusHandler(router, { showTenants: true });
  const terminal = await listening(nodeStatusHandler(router, { showTenants: true }));
  const messages = [{ role: 'user' as const, content: PROMPT }];
  const body = { model: 'standard', messages, temperature: 0 };
  const make: Record<string, () => PromiseLike<unknown>> = {
    chat: () => router.chat.completions.create(body),
    stream: async () => {
      const stream = await router.chat.completions.create({ ...body, stream: true });
      for await (const _ of stream);
      return stream;
    },
    responses: () => router.responses.create({ model: 'standard', input: PROMPT }),
    embeddings: () => router.embeddings.create({ model: 'a', input: PROMPT }),
    'as-fetch': () =>
      router.asFetch()('https://api.openai.com/v1/chat/completions', { method: 'POST', body: JSON.stringify(body) }),
  };
  for (const kind of calls) {
    const call = make[kind] ?? make['chat'];
    const result = await Promise.resolve(call?.()).catch((error: unknown) => error);
    received.records?.push(callRecord(result));
  }
  const get = (path: string) => page(new Request(`https://app.test/status/${path}`)).text();
  const spans = otel
    .spans()
    .map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status }));
  const outputs = {
    ...Object.fromEntries(
      Object.entries(received).map(([name, all]) => [
        name,
        inspect(all, { depth: 12, maxStringLength: null, maxArrayLength: null }),
      ]),
    ),
    page: await get(''),
    'status.json': await get('status.json'),
    metrics: await get('metrics'),
    spans: JSON.stringify(spans),
    'OpenTelemetry metrics': JSON.stringify([...(await otel.series())]),
    snapshot: JSON.stringify(router.snapshot()),
    'SLA report': `${router.slaReport()}${JSON.stringify(router.slaReport())}`,
    state: JSON.stringify(router.exportState()),
    'spend as CSV': router.spendCsv(),
    plan: inspect(router.explain(body), { depth: 9 }),
    'health check': inspect(await router.check(), { depth: 9 }),
    'command line': (await statusCommand([terminal, '--once'])).output,
  };
  unsubscribe('model-router:call', hear);
  unsubscribe('model-router:attempt', hear);
  stop();
  return outputs;
}

it('the router shows no key, no prompt and no answer in any output about its calls', async () => {
  const list = { minLength: 1, maxLength: 4 };
  await fc.assert(
    fc.asyncProperty(fc.array(steps, list), fc.array(steps, list), fc.array(kinds, list), async (a, b, calls) => {
      for (const [name, text] of Object.entries(await outputsOf(a, b, calls))) {
        expect(text.length, name).toBeGreaterThan(1);
        for (const needle of [KEY, PROMPT, ANSWER]) expect(text.includes(needle), `${needle} in ${name}`).toBe(false);
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);

it('a simulation shows none in its report, table and data', async () => {
  const client = { apiKey: KEY, baseURL: 'https://one.test/v1' };
  const clients = { default: client, other: client };
  const faults = [{ at: 'first', behavior: fail(500, { message: echo.message }) }];
  const result = await simulate(small({ faults }, { clients, maxAttempts: 1, logLevel: 'off' }));
  expect(result.failed).toBeGreaterThan(0);
  const text = `${simulationReport(result)}${simulationTable({ router: result })}${JSON.stringify(result)}`;
  for (const needle of [KEY, PROMPT]) expect(text.includes(needle), needle).toBe(false);
});
