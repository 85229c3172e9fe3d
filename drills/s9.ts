import { ModelRouter } from 'model-router';
import { answer, type Behaviour, type Choose, fail, fakeFetch, hang, reset } from 'model-router/testing';
import { OpenAI } from 'openai';
import { mulberry32 } from './chance.ts';
import { inVirtualTime, type VirtualClock } from './clock.ts';
import { KEY } from './fleet.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

const BASE_URL = 'http://only.test/v1';
const ANSWER_MS = 100;
const SHARES = [0.05, 0.15, 0.3];
const PER_SECOND = [1, 20, 100];
/** The SDK's own option, for the plain client and the router alike. */
const TIMEOUT_MS = 300;

const FAULTS: Readonly<Record<string, Behaviour>> = {
  'status 503': fail(503, { latencyMs: 20 }),
  'status 429 for a second': fail(429, { headers: { 'retry-after': '1' }, latencyMs: 20 }),
  reset: reset({ latencyMs: 20 }),
  hang: hang(),
};

type Call = (call: number) => Promise<unknown>;
interface Way {
  readonly call: Call;
  readonly close: () => void;
}
export interface Outcome {
  readonly answered: number;
  readonly meanMs: number;
}

/** S9: one deployment compared with a plain client with the same `timeout` and retries, under the same faults. */
export async function run(options: DrillOptions & { readonly calls: number }): Promise<DrillResult> {
  const { calls, seed, onProgress } = options;
  let gap = Number.NEGATIVE_INFINITY;
  let slower = 0;
  let done = 0;
  for (const fault of Object.keys(FAULTS)) {
    for (const share of SHARES) {
      for (const perSecond of PER_SECOND) {
        const script = faulty(fault, share);
        const plain = await inVirtualTime((clock) => load(clock, openPlain(script(seed), seed), perSecond, calls));
        const ours = await inVirtualTime((clock) => load(clock, openRouter(script(seed), seed), perSecond, calls));
        gap = Math.max(gap, (100 * (plain.answered - ours.answered)) / calls);
        slower = Math.max(slower, ours.meanMs / plain.meanMs);
        done += 1;
        onProgress?.(done / (Object.keys(FAULTS).length * SHARES.length * PER_SECOND.length));
      }
    }
  }
  return resultOf({
    drill: 'S9',
    faults: `one deployment, ${SHARES.map((share) => `${100 * share} %`).join(', ')} of its answers are faults (${Object.keys(FAULTS).join(', ')}); timeout ${TIMEOUT_MS} ms, else ${ANSWER_MS} ms`,
    size: `${calls} calls each at ${PER_SECOND.join(', ')} a second, beside a plain client`,
    measured: { 'fewer answered': gap, 'mean time': slower },
    targets: {
      'fewer answered': { ...atMost(0.5, '%'), margin: 100 / calls },
      'mean time': atMost(1.5, 'x'),
    },
    broken: new Map(),
  });
}

/** S9b: one deployment that answers 503 for 100 ms, with concurrent calls. */
export async function runHiccups(options: DrillOptions): Promise<DrillResult> {
  const { seed, onProgress } = options;
  const sizes = [6, 8, 20, 40, 100];
  let lost = 0;
  for (const [index, atOnce] of sizes.entries()) {
    // Virtual time begins at 0.
    const script: Choose = () =>
      performance.now() < 100 ? fail(503, { latencyMs: 20 }) : answer({ latencyMs: ANSWER_MS });
    const at = (open: typeof openPlain) =>
      inVirtualTime((clock) => load(clock, open(script, seed), Number.POSITIVE_INFINITY, atOnce));
    const [plain, ours] = [await at(openPlain), await at(openRouter)];
    lost += Math.max(0, plain.answered - ours.answered);
    onProgress?.((index + 1) / sizes.length);
  }
  return resultOf({
    drill: 'S9b',
    faults: 'one deployment, 503 for 100 ms',
    size: `${sizes.join(', ')} calls at once, beside a plain client`,
    measured: { 'lost to a plain client': lost },
    targets: { 'lost to a plain client': atMost(0, 'calls') },
    broken: new Map(),
  });
}

/** The result of an attempt depends only on its call and its number, so that both clients meet the same faults. */
function faulty(fault: string, share: number): (seed: number) => Choose {
  return (seed) => {
    const broken = FAULTS[fault] ?? hang();
    const good = answer({ latencyMs: ANSWER_MS });
    const draws = new Map<string, () => number>();
    return ({ body }) => {
      const call = JSON.stringify(body);
      const draw = draws.get(call) ?? mulberry32(hash(`${seed} ${call}`));
      draws.set(call, draw);
      return draw() < share ? broken : good;
    };
  };
}

function hash(text: string): number {
  let sum = 2_166_136_261;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 16_777_619) >>> 0;
  return sum;
}

const bodyOf = (call: number, model = 'only') => ({
  model,
  messages: [{ role: 'user' as const, content: `call ${call}` }],
});
/** The SDK's own options. */
const REQUEST = { timeout: TIMEOUT_MS };

function openPlain(script: Choose, seed: number): Way {
  const fetch = fakeFetch(script, { keep: 0, random: mulberry32(seed) });
  const client = new OpenAI({ apiKey: KEY, baseURL: BASE_URL, fetch, logLevel: 'off', ...REQUEST });
  return { call: (call) => client.chat.completions.create(bodyOf(call)), close: () => {} };
}

function openRouter(script: Choose, seed: number): Way {
  const random = mulberry32(seed);
  const fetch = fakeFetch(script, { keep: 0, random });
  const router = new ModelRouter({
    clients: { default: { apiKey: KEY, baseURL: BASE_URL, fetch, logLevel: 'off' } },
    deployments: { only: {} },
    routes: { standard: ['only'] },
    random,
    logLevel: 'off',
    ...REQUEST,
  });
  return {
    call: (call) => router.chat.completions.create(bodyOf(call, 'standard')),
    close: () => void router.close(),
  };
}

/** Calls at their times, until the last one has settled. */
async function load(clock: VirtualClock, { call, close }: Way, perSecond: number, calls: number): Promise<Outcome> {
  let answered = 0;
  let settled = 0;
  let totalMs = 0;
  const begin = (n: number): void => {
    const startedAt = performance.now();
    const end = () => {
      settled += 1;
      totalMs += performance.now() - startedAt;
    };
    call(n).then(() => {
      answered += 1;
      end();
    }, end);
  };
  for (let i = 0; i < calls; i += 1) setTimeout(begin, (1000 / perSecond) * i, i);
  while (settled < calls) await clock.step();
  close();
  return { answered, meanMs: totalMs / calls };
}
