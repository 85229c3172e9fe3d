import { callOptions, callRecord, ModelRouter } from 'model-router';
import { OpenAI } from 'openai';
import { mulberry32 } from './chance.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { type Asked, asBody, asOptions, type Choose, changed, drawAsked, identityOf } from './s6-calls.ts';
import { echo } from './s6-upstream.ts';

/** Pairs are drawn around so many calls, so that most of what is asked has been asked before. */
const AROUND = 300;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * S6: random pairs of calls and tenants, of which the second is the first with its keys in another order, or with one
 * thing changed: a parameter, an image, a tool, a schema, the query, a header, the route, the priority, the tenant. The
 * upstream answers with who has asked it, so that an answer shows whose it is.
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
  const found = { wrong: 0, acrossTenants: 0, failed: 0, answers: 0, kept: 0, mostBytes: 0 };
  const broken = new Map<string, number>();

  async function ask(asked: Asked): Promise<void> {
    const identity = identityOf(asked);
    const options = { ...callOptions(asked.options), ...asOptions(asked, identity) };
    let told: string | null | undefined;
    let use: string | undefined;
    try {
      if (asked.stream) {
        const stream = await router.chat.completions.create({ ...asBody(asked), stream: true }, options);
        told = '';
        for await (const chunk of stream) told += chunk.choices[0]?.delta.content ?? '';
        use = callRecord(stream)?.cache;
      } else {
        const completion = await router.chat.completions.create({ ...asBody(asked), stream: false }, options);
        told = completion.choices[0]?.message.content;
        use = callRecord(completion)?.cache;
        // What a caller does to its answer is nobody else's.
        if (completion.choices[0] !== undefined) completion.choices[0].message.content = 'changed';
      }
    } catch {
      found.failed++;
      return;
    }
    found.answers++;
    if (use === 'hit' || use === 'joined') found.kept++;
    if (told === identity) return;
    found.wrong++;
    if (told?.split(' ')[0] !== identity.split(' ')[0]) found.acrossTenants++;
  }

  let around: Asked[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 10_000 === 0) around = Array.from({ length: AROUND }, () => drawAsked(choose, random));
    const first = choose(around);
    const second = changed(first, choose);
    const one = ask(first);
    // Now and then while the first one is in flight.
    if (random() < 0.7) await one;
    await Promise.all([one, ask(second)]);
    if (pair % 100 !== 0) continue;
    found.mostBytes = Math.max(found.mostBytes, router.snapshot().cache.bytes ?? 0);
    onProgress?.(pair / pairs);
  }
  await router.close();
  const { answers, kept, wrong, acrossTenants, failed, mostBytes } = found;
  return resultOf({
    drill: 'S6',
    faults: 'none; whole answers and streams, one after the other and at once',
    size: `${pairs} pairs`,
    measured: {
      'of a different call': wrong,
      'of another tenant': acrossTenants,
      failed,
      'kept or joined': (100 * kept) / answers,
      'over maxBytes': Math.max(0, mostBytes - MAX_BYTES),
    },
    targets: {
      'of a different call': atMost(0, 'calls'),
      'of another tenant': atMost(0, 'calls'),
      failed: atMost(0, 'calls'),
      // Where nearly all are misses, nothing is shown.
      'kept or joined': { least: 30, margin: 0, unit: '%' },
      'over maxBytes': atMost(0, 'bytes'),
    },
    broken,
  });
}
