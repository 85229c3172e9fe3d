import fc from 'fast-check';
import { callOptions, callRecord } from 'model-router';
import { answer } from 'model-router/testing';
import { APIUserAbortError, type OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime, watch } from '../helpers/clock.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const FULL = process.env.DRILLS === 'full';
const TTL_MS = 1000;
const SCOPES = [undefined, 'a', 'b', '__proto__'];

/** What is asked, in few enough ways that pairs are often equal. */
const asked = fc.record(
  {
    text: fc.constantFrom('x', 'y', '', '","', '__proto__'),
    temperature: fc.constantFrom(0, 1),
    image: fc.constantFrom('data:1', 'data:2'),
    tool: fc.constantFrom('f', 'g'),
    schema: fc.constantFrom({ a: 1 }, { a: 2 }, { b: 1, a: 1 }),
    header: fc.constantFrom('1', '2'),
    query: fc.constantFrom('1', '2'),
    odd: fc.constantFrom('toJSON', 'constructor', '__proto__', 'n0'),
    scope: fc.constantFrom(...SCOPES),
    turned: fc.boolean(),
  },
  { requiredKeys: ['text'] },
);
type Asked = Partial<typeof asked extends fc.Arbitrary<infer T> ? T : never>;

/** Two calls may share an answer exactly if this is the same. */
const identity = ({ turned: _, ...rest }: Asked) =>
  JSON.stringify(
    Object.entries({ ...rest, scope: rest.scope })
      .filter(([, value]) => value !== undefined)
      .sort(),
  );

function toCall({ text = '', temperature, image, tool, schema, header, query, odd, scope, turned }: Asked) {
  const content =
    image === undefined
      ? text
      : [
          { type: 'text', text },
          { type: 'image_url', image_url: { url: image } },
        ];
  const body: Record<string, unknown> = {
    model: 'standard',
    messages: [{ role: 'user', content }],
    ...(temperature !== undefined && { temperature }),
    ...(tool !== undefined && { tools: [{ type: 'function', function: { name: tool } }] }),
    ...(schema !== undefined && { response_format: { type: 'json_schema', json_schema: { name: 's', schema } } }),
  };
  if (odd !== undefined) Object.defineProperty(body, odd, { value: 1, enumerable: true });
  const entries = Object.entries(body);
  const turnedBody: Record<string, unknown> = {};
  for (const [name, value] of turned ? entries.reverse() : entries)
    Object.defineProperty(turnedBody, name, { value, enumerable: true, writable: true, configurable: true });
  const options: OpenAI.RequestOptions = {
    ...callOptions(scope === undefined ? {} : { scope }),
    ...(header !== undefined && { headers: { 'x-version': header } }),
    ...(query !== undefined && { query: { v: query } }),
  };
  return { body: turnedBody as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming, options };
}

/** Each answer is another one, so that it shows who was answered by which. */
function numbered(latencyMs: number) {
  let next = 0;
  return build(
    { a: () => answer({ content: `answer ${next++}`, latencyMs }) },
    { cache: { which: 'all', ttlMs: TTL_MS, toolCalls: true, maxEntries: 100_000 } },
  );
}

describe('S6: random pairs of calls and scopes', () => {
  it('never answer one with what another was told', async () => {
    const { router } = numbered(0);
    const known = new Map<string, string | null>();
    const owner = new Map<string, string>();
    let hits = 0;
    const calls = fc.sample(asked, { numRuns: FULL ? 200_000 : 4000, seed: 6 });
    for (const each of calls) {
      const { body, options } = toCall(each);
      const id = identity(each);
      const completion = await router.chat.completions.create(body, options);
      const text = completion.choices[0]?.message.content ?? '';
      const before = known.get(id);
      if (before !== undefined) {
        hits++;
        expect(text).toBe(before);
        expect(callRecord(completion)?.cache).toBe('hit');
      } else {
        expect(owner.get(text) ?? id).toBe(id);
        expect(callRecord(completion)?.cache).toBe('miss');
      }
      known.set(id, text);
      owner.set(text, id);
    }
    expect(hits).toBeGreaterThan(calls.length / 40);
  });
});

describe('histories of calls, times and aborts', () => {
  const step = fc.oneof(
    fc.record({
      type: fc.constant('call' as const),
      text: fc.constantFrom('x', 'y'),
      scope: fc.constantFrom(...SCOPES),
    }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1, 30, 60, 500, 999, 1000) }),
    fc.record({ type: fc.constant('abort' as const), which: fc.nat(20) }),
  );

  it('are those of a small model: joined while in flight, hit until the ttl, cancelled with the last caller', async () => {
    const history = fc.array(step, { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const { router, fake } = numbered(50);
        interface Flight {
          start: number;
          waiters: Set<number>;
        }
        const flights = new Map<string, Flight>();
        const kept = new Map<string, number>();
        const calls: { watched: ReturnType<typeof watch<OpenAI.ChatCompletion>>; expected: string; id: string }[] = [];
        const controllers: AbortController[] = [];
        let upstream = 0;
        const settle = () => {
          for (const [id, { start }] of flights) {
            if (performance.now() < start + 50) continue;
            kept.set(id, start + 50);
            flights.delete(id);
          }
        };
        for (const each of steps) {
          settle();
          if (each.type === 'wait') {
            await pass(each.ms);
          } else if (each.type === 'call') {
            const { body, options } = toCall({ text: each.text, scope: each.scope });
            const controller = new AbortController();
            const id = identity({ text: each.text, scope: each.scope });
            const at = kept.get(id);
            const index = controllers.push(controller) - 1;
            let expected = 'hit';
            if (at === undefined || performance.now() >= at + TTL_MS) {
              const flight = flights.get(id);
              expected = flight === undefined ? 'miss' : 'joined';
              if (flight === undefined) {
                upstream++;
                flights.set(id, { start: performance.now(), waiters: new Set([index]) });
              } else flight.waiters.add(index);
            }
            const watched = watch(router.chat.completions.create(body, { ...options, signal: controller.signal }));
            calls.push({ watched, expected, id });
            await pass(0);
          } else {
            const call = calls[each.which];
            if (call === undefined) continue;
            const isOver = call.watched.state !== 'pending';
            controllers[each.which]?.abort();
            await pass(0);
            if (isOver) continue;
            expect(call.watched.error).toBeInstanceOf(APIUserAbortError);
            const flight = flights.get(call.id);
            flight?.waiters.delete(each.which);
            if (flight?.waiters.size === 0) flights.delete(call.id);
            call.expected = 'aborted';
          }
        }
        await pass(100);
        for (const { watched, expected } of calls) {
          expect(watched.settlements).toBe(1);
          if (expected !== 'aborted') expect(callRecord(watched.value)?.cache).toBe(expected);
        }
        expect(fake.requests).toHaveLength(upstream);
        router.close();
      }),
      { numRuns: FULL ? 2000 : 60 },
    );
  });
});
