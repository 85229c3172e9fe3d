import { callOptions, callRecord, ModelRouter } from 'model-router';
import { OpenAI } from 'openai';
import { mulberry32 } from './chance.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { asBody, asOptions, type Choose, changed, drawCall, identityOf, type RandomCall } from './s6-calls.ts';
import { echo } from './s6-upstream.ts';

/** Pairs are drawn from about this many calls, so that most calls are repetitions. */
const AROUND = 300;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * S6: random pairs of calls and tenants. The second is the first with its keys in another order, or with one thing
 * changed: a parameter, an image, a tool, a schema, the query, a header, the route, the priority, the tenant. The
 * upstream answers with the caller's identity, so that an answer shows whose it is.
 */
export async function run({
  pairs,
  seed,
  onProgress,
}: DrillOptions & { readonly pairs: number }): Promise<DrillResult> {
  const random = mulberry32(seed);
  const choose: Choose = (values) => values[Math.floor(random() * values.length)] as (typeof values)[number];
  const router = new ModelRouter({
    clients: { default: new OpenAI({ apiKey: 'sk-drill', baseURL: 'https://drill.test/v1', fetch: echo }) },
    deployments: { m: {}, n: {} },
    routes: { standard: ['m'], other: ['m'], premium: ['n'] },
    cache: { mode: 'all', toolCalls: true, maxEntries: 100_000, maxBytes: MAX_BYTES },
  });
  const found = { wrong: 0, acrossTenants: 0, failed: 0, answers: 0, cached: 0, mostBytes: 0 };
  const broken = new Map<string, number>();

  async function send(call: RandomCall): Promise<void> {
    const identity = identityOf(call);
    const options = { ...callOptions(call.options), ...asOptions(call, identity) };
    let answered: string | null | undefined;
    let use: string | undefined;
    try {
      if (call.stream) {
        const stream = await router.chat.completions.create({ ...asBody(call), stream: true }, options);
        answered = '';
        for await (const chunk of stream) answered += chunk.choices[0]?.delta.content ?? '';
        use = callRecord(stream)?.cache;
      } else {
        const completion = await router.chat.completions.create({ ...asBody(call), stream: false }, options);
        answered = completion.choices[0]?.message.content;
        use = callRecord(completion)?.cache;
        // A caller's change must not reach another caller.
        if (completion.choices[0] !== undefined) completion.choices[0].message.content = 'changed';
      }
    } catch {
      found.failed++;
      return;
    }
    found.answers++;
    if (use === 'hit' || use === 'joined') found.cached++;
    if (answered === identity) return;
    found.wrong++;
    if (answered?.split(' ')[0] !== identity.split(' ')[0]) found.acrossTenants++;
  }

  let around: RandomCall[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 10_000 === 0) around = Array.from({ length: AROUND }, () => drawCall(choose, random));
    const first = choose(around);
    const second = changed(first, choose);
    const one = send(first);
    // From time to time while the first one is in flight.
    if (random() < 0.7) await one;
    await Promise.all([one, send(second)]);
    if (pair % 100 !== 0) continue;
    found.mostBytes = Math.max(found.mostBytes, router.snapshot().cache.bytes ?? 0);
    onProgress?.(pair / pairs);
  }
  await router.close();
  const { answers, cached, wrong, acrossTenants, failed, mostBytes } = found;
  return resultOf({
    drill: 'S6',
    faults: 'none; whole answers and streams, one after the other and at once',
    size: `${pairs} pairs`,
    measured: {
      'of a different call': wrong,
      'of another tenant': acrossTenants,
      failed,
      'cached or joined': (100 * cached) / answers,
      'over maxBytes': Math.max(0, mostBytes - MAX_BYTES),
    },
    targets: {
      'of a different call': atMost(0, 'calls'),
      'of another tenant': atMost(0, 'calls'),
      failed: atMost(0, 'calls'),
      // If nearly all were misses, the drill would prove nothing.
      'cached or joined': { least: 30, margin: 0, unit: '%' },
      'over maxBytes': atMost(0, 'bytes'),
    },
    broken,
  });
}
