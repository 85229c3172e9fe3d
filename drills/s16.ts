import { callOptions, ModelRouter, type RouteOptions } from 'model-router';
import { answer, type Behaviour, fail, fakeFetch, hang } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { inVirtualTime, type VirtualClock } from './clock.ts';
import { KEY } from './fleet.ts';
import { type DrillOptions, type DrillResult, resultOf } from './result.ts';

const IDS = ['a', 'b', 'c', 'd'];
const STATES_PER_ROUTER = 50;
const DEADLINE_MS = 5000;

const STRATEGIES: Readonly<Record<string, RouteOptions['strategy']>> = {
  priority: 'priority',
  weighted: { by: 'weighted', weights: { a: 3, b: 2, c: 1, d: 0 } },
  'lowest-latency': 'lowest-latency',
  'lowest-cost': 'lowest-cost',
  'least-busy': 'least-busy',
  own: { name: 'own', order: ({ deployments }) => deployments.map(({ id }) => id).reverse() },
};

interface Counts {
  states: number;
  right: number;
  /** Calls whose first attempt came after a wait, and calls that were refused. */
  waited: number;
  refused: number;
  /** Other calls ended while this one waited, which is unpredictable. */
  unclear: number;
  /** How often a deployment was excluded, by the first varying word of the reason. */
  readonly excluded: Map<string, number>;
  readonly wrong: string[];
}

/** S16: `explain()` names the deployment that the next call tries first, in random states, under every strategy. */
export async function run(options: DrillOptions & { readonly states: number }): Promise<DrillResult> {
  const { states, seed, onProgress } = options;
  const counts: Counts = {
    ...{ states: 0, right: 0, waited: 0, refused: 0, unclear: 0 },
    excluded: new Map(),
    wrong: [],
  };
  const names = Object.keys(STRATEGIES);
  const each = Math.ceil(states / names.length / STATES_PER_ROUTER);
  for (const [index, name] of names.entries()) {
    for (let round = 0; round < each; round += 1) {
      await inVirtualTime((clock) => visit(clock, name, 1000 * seed + each * index + round, counts));
      onProgress?.((each * index + round) / (each * names.length));
    }
  }
  const reasons = Object.fromEntries([...counts.excluded].map(([why, times]) => [`excluded: ${why}`, times]));
  return resultOf({
    drill: 'S16',
    faults:
      'random: answers of 50 to 2000 ms, 503, 429 with retry-after, 401, hangs, nothing left by headers; random limits',
    size: `${counts.states} states under ${names.length} strategies`,
    measured: {
      'first one right': (100 * counts.right) / counts.states,
      'after a wait': counts.waited,
      refused: counts.refused,
      unclear: counts.unclear,
      ...reasons,
    },
    targets: { 'first one right': { least: 100, margin: 0, unit: '%' } },
    broken: new Map(counts.wrong.slice(0, 5).map((what) => [what, 1])),
  });
}

/** Random states of one router. */
async function visit(clock: VirtualClock, strategy: string, seed: number, counts: Counts): Promise<void> {
  const random = mulberry32(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const behaviours = new Map<string, Behaviour>(IDS.map((id) => [id, answer({ latencyMs: 300 })]));
  const tried = new Map<string, string>();
  const fetch = fakeFetch(
    ({ model, body }) => {
      const user = String(Reflect.get(Object(body), 'user'));
      if (model !== undefined && !tried.has(user)) tried.set(user, model);
      return behaviours.get(model ?? '') ?? hang();
    },
    { keep: 0, random },
  );
  const client = { apiKey: KEY, baseURL: 'http://all.test/v1', fetch, logLevel: 'off' } as const;
  const router = new ModelRouter({
    clients: {
      x: client,
      y: { ...client, baseURL: 'http://y.test/v1' },
      z: { ...client, baseURL: 'http://z.test/v1' },
    },
    deployments: Object.fromEntries(
      IDS.map((id, i) => [
        id,
        {
          client: pick(['x', 'y', 'z']),
          price: { input: 1 + i, output: 4 - i },
          ...(random() < 0.4 && { maxConcurrent: 1 + Math.floor(3 * random()), maxQueue: 2 }),
          ...(random() < 0.1 && { rpm: 60 }),
        },
      ]),
    ),
    routes: {
      chat: { deployments: IDS, ...(STRATEGIES[strategy] !== undefined && { strategy: STRATEGIES[strategy] }) },
    },
    deadlineMs: DEADLINE_MS,
    breaker: { consecutive: 2, failures: 3, cooldownMs: 4000 },
    random,
    logLevel: 'off',
  });
  const messages = [{ role: 'user' as const, content: 'hi' }];
  let calls = 0;
  let open = 0;

  function begin() {
    const user = `${calls++}`;
    const body = { model: 'chat', messages, user, stream: random() < 0.3, max_tokens: pick([5, 5000]) };
    const options = {
      ...(random() < 0.3 && { assignmentKey: pick(['one', 'two', 'three']) }),
      ...(random() < 0.2 && { priority: 'premium' }),
    };
    const state = { isOver: false };
    const send = async () => {
      open += 1;
      try {
        const answered = await router.chat.completions.create(body, callOptions(options));
        if (Symbol.asyncIterator in answered) for await (const _ of answered);
      } finally {
        open -= 1;
        state.isOver = true;
      }
    };
    return { user, body, options, state, send: () => void send().catch(() => undefined) };
  }

  for (let i = 0, clear = 0; clear < STATES_PER_ROUTER; i += 1) {
    // From time to time all deployments request a pause, or all recover.
    const storm = random();
    if (storm < 0.1) for (const id of IDS) behaviours.set(id, pause(random));
    else if (storm < 0.2) for (const id of IDS) behaviours.set(id, answer({ latencyMs: 300 }));
    else if (storm < 0.6) behaviours.set(pick(IDS), behaviour(random));
    for (let n = Math.floor(4 * random()); n > 0; n -= 1) begin().send();
    if (random() < 0.9) await clock.pass(Math.ceil(-800 * Math.log(1 - random())));
    // From time to time no call runs.
    if (random() < 0.4) while (open > 0) await clock.step();
    await clock.flush();
    const call = begin();
    const others = open;
    const explanation = router.explain(call.body, call.options);
    const isSame = String(router.explain(call.body, call.options)) === String(explanation);
    const first = explanation.deployments[0]?.id;
    call.send();
    await clock.flush();
    const isAtOnce = tried.has(call.user);
    while (!tried.has(call.user) && !call.state.isOver) await clock.step();
    const found = tried.get(call.user);
    if (!isAtOnce && others > 0 && found !== undefined) {
      counts.unclear += 1;
      continue;
    }
    clear += 1;
    counts.states += 1;
    if (found === undefined) counts.refused += 1;
    else if (!isAtOnce) counts.waited += 1;
    for (const { excluded } of explanation.deployments) {
      const why = excluded?.replace(/\s(for )?\d.*/, '');
      if (why !== undefined) counts.excluded.set(why, (counts.excluded.get(why) ?? 0) + 1);
    }
    // If a call waits for a slot until its end, it was refused later than now.
    const isRight = found === undefined ? explanation.refusal !== null || others > 0 : found === first;
    if (isRight && isSame) counts.right += 1;
    else counts.wrong.push(`${strategy} (seed ${seed}, state ${i}): tried ${found}, explained\n${explanation}`);
  }
  while (open > 0) await clock.step();
  void router.close();
}

function behaviour(random: () => number): Behaviour {
  const latencyMs = 50 + Math.floor(1950 * random());
  const kind = Math.floor(10 * random());
  const waitS = Math.ceil(10 * random());
  if (kind < 4) return answer({ latencyMs });
  if (kind === 4) return fail(503, { latencyMs: 20 });
  if (kind === 5) return pause(random);
  if (kind === 6) return random() < 0.1 ? fail(401, { latencyMs: 20 }) : pause(random);
  if (kind === 7) return hang();
  if (kind === 8)
    return answer({
      latencyMs,
      headers: { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': `${waitS}s` },
    });
  return answer({ latencyMs: 50 });
}

function pause(random: () => number): Behaviour {
  return fail(429, { headers: { 'retry-after': `${Math.ceil(8 * random())}` }, latencyMs: 20 });
}
