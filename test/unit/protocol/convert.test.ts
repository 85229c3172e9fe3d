import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { describe, expect, it } from 'vitest';
import { toChunks } from '../../../src/protocol/convert.js';
import { fromChunks } from '../../../src/protocol/join-chunks.js';
import fc from '../../helpers/property.js';
import { SDK } from '../../helpers/sdk.js';

const runs = { numRuns: process.env.DRILLS === 'full' ? 5000 : 300 };

/** The result of the SDK's own helper for chunks; `undefined` if it throws. */
async function bySdk(chunks: readonly unknown[]): Promise<unknown> {
  const lines = chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join('');
  const stream = ChatCompletionStream.fromReadableStream(new Response(lines).body as ReadableStream);
  try {
    const { choices, ...rest } = await stream.finalChatCompletion();
    // `parsed` is what `.parse()` reads from the content.
    return {
      ...rest,
      choices: choices.map(({ message: { parsed: _, ...message }, ...choice }) => ({ ...choice, message })),
    };
  } catch {
    return undefined;
  }
}

/** The two majors of the SDK differ in whether empty content is empty or none. */
function withoutEmpty(answer: unknown): unknown {
  const { choices, ...rest } = answer as { choices: { message: { content: unknown } }[] };
  const content = (message: { content: unknown }) => message.content || null;
  return {
    ...rest,
    choices: choices.map((each) => ({ ...each, message: { ...each.message, content: content(each.message) } })),
  };
}

const base = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' };
const chunk = (delta: object, more: object = {}, around: object = {}) => ({
  ...base,
  ...around,
  choices: [{ index: 0, delta, finish_reason: null, ...more }],
});

/** A text in pieces, some of them empty. */
const pieces = fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 });
const logprob = fc.record({ token: fc.string({ maxLength: 3 }), logprob: fc.constantFrom(-1, 0) });

const contentDeltas = pieces.map((texts) => texts.map((content) => chunk({ content })));
const logprobDeltas = fc
  .array(fc.array(logprob, { maxLength: 2 }), { maxLength: 3 })
  .map((lists) =>
    lists.map((content, i) => chunk({ content: 'x' }, { logprobs: i === 1 ? null : { content, refusal: null } })),
  );
const refusalDeltas = pieces.map((texts) => texts.map((refusal) => chunk({ refusal })));

/** One tool call in pieces: some fields only with the first piece, or with every piece. */
const toolCall = fc.record({
  type: fc.constantFrom('function', 'custom'),
  name: fc.constantFrom('get_weather', 'f'),
  texts: pieces,
  repeats: fc.boolean(),
});
const toolDeltas = fc.array(toolCall, { maxLength: 3 }).map((calls) =>
  calls.flatMap(({ type, name, texts, repeats }, index) =>
    ['', ...texts].map((text, i) => {
      const named = i === 0 || repeats ? { name } : {};
      const inner =
        type === 'function' ? { function: { ...named, arguments: text } } : { custom: { ...named, input: text } };
      const known = i === 0 || repeats ? { id: `call_${index}`, type } : {};
      return chunk({ tool_calls: [{ index, ...known, ...inner }] });
    }),
  ),
);
const functionDeltas = pieces.map((texts) => [
  chunk({ function_call: { name: 'f', arguments: '' } }),
  ...texts.map((text) => chunk({ function_call: { name: 'f', arguments: text } })),
]);

const whole = fc
  .record({
    azure: fc.boolean(),
    fingerprint: fc.constantFrom({}, { system_fingerprint: 'fp' }, { system_fingerprint: null }),
    role: fc.constantFrom({ role: 'assistant', content: '' }, { role: 'assistant', content: null }),
    parts: fc.oneof(contentDeltas, logprobDeltas, refusalDeltas, toolDeltas, functionDeltas),
    extra: fc.constantFrom({}, { service_tier: 'default' }, { provider: 'p', obfuscation: 'x' }),
    finish: fc.constantFrom('stop', 'tool_calls', 'length'),
    usage: fc.boolean(),
  })
  .map(({ azure, fingerprint, role, parts, extra, finish, usage }) => [
    ...(azure
      ? [{ ...base, id: '', model: '', object: '', created: 0, choices: [], prompt_filter_results: [{}] }]
      : []),
    chunk(role, {}, { ...fingerprint, ...extra }),
    ...parts.map((part) => ({ ...part, ...fingerprint, ...extra })),
    chunk({}, { finish_reason: finish }, { ...fingerprint, ...extra }),
    ...(usage ? [{ ...base, ...fingerprint, ...extra, choices: [], usage: { total_tokens: 3 } }] : []),
  ]);

describe('a stream converted to a whole answer', () => {
  // openai 6's helper does not support custom tools, and doubles the first log probabilities.
  it.skipIf(SDK < 7)("equals what the SDK's stream helper makes of the same chunks", () =>
    fc.assert(
      fc.asyncProperty(whole, async (chunks) => {
        const expected = await bySdk(chunks);
        expect(expected).toBeDefined();
        expect(withoutEmpty(fromChunks('chat', chunks))).toEqual(withoutEmpty(expected));
      }),
      runs,
    ),
  );

  it.skipIf(SDK < 7)('equals that, or there is none, where pieces are lost, doubled or out of order', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(whole, fc.array(fc.nat(30), { maxLength: 20 }), async (chunks, order) => {
        const shuffled = order.flatMap((at) => (chunks[at] === undefined ? [] : [chunks[at]]));
        const made = fromChunks('chat', shuffled);
        const expected = await bySdk(shuffled);
        // The helper throws for an answer that never finished; such a stream is never stored.
        if (made === undefined || expected === undefined) return;
        compared += 1;
        expect(withoutEmpty(made)).toEqual(withoutEmpty(expected));
      }),
      runs,
    );
    expect(compared).toBeGreaterThan(3);
  });

  it('has the text of reasoning, of which the helper keeps the last piece only', () => {
    const chunks = [chunk({ role: 'assistant', reasoning_content: 'so' }), chunk({ reasoning_content: ' far' })];
    expect(fromChunks('chat', [...chunks, chunk({ content: 'x' }, { finish_reason: 'stop' })])).toMatchObject({
      choices: [{ message: { content: 'x', reasoning_content: 'so far' } }],
    });
  });

  const first = chunk({ role: 'assistant', content: 'x' });
  const call = (id: string | undefined, more: object = {}) =>
    chunk({ tool_calls: [{ index: 0, id, type: 'function', function: { name: 'f', arguments: '{}' }, ...more }] });
  it.each<[string, unknown[]]>([
    ['parallel calls with the index 0', [first, call('call_1'), call('call_2')]],
    ['a tool call without an id', [first, call(undefined)]],
    ['a tool call without a type', [first, call('call_1', { type: undefined })]],
    ['a tool call that begins at 1', [first, call('call_1', { index: 1 })]],
    [
      'a provider’s own growing lists',
      [
        { ...first, citations: ['a'] },
        { ...first, citations: ['a', 'b'] },
      ],
    ],
    [
      'details of reasoning in pieces',
      [chunk({ role: 'assistant', reasoning_details: [{}] }), chunk({ reasoning_details: [{}] })],
    ],
    ['a second choice', [first, { ...first, choices: [{ index: 1, delta: { content: 'y' } }] }]],
    ['no role', [chunk({ content: 'x' })]],
    ['audio', [first, chunk({ audio: { id: 'a', data: 'x' } })]],
    ['a prototype in a chunk', [first, JSON.parse('{"__proto__":{"a":1},"choices":[]}')]],
    ['a prototype in a choice', [first, JSON.parse('{"choices":[{"index":0,"delta":{},"__proto__":{"a":1}}]}')]],
    [
      'a prototype in a delta',
      [JSON.parse('{"choices":[{"index":0,"delta":{"role":"assistant","__proto__":{"a":1}}}]}')],
    ],
    [
      'a prototype in a tool call',
      [first, JSON.parse('{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"1","__proto__":{}}]}}]}')],
    ],
    ['a prototype in a function', [first, call('1', { function: JSON.parse('{"name":"f","__proto__":{"a":1}}') })]],
    ['a prototype in logprobs', [first, chunk({}, { logprobs: JSON.parse('{"__proto__":{"a":1}}') })]],
    ['a value that is not a chunk', [first, 'text']],
  ])('is not made of %s', (_, chunks) => {
    expect(fromChunks('chat', [...chunks, chunk({}, { finish_reason: 'stop' })])).toBeUndefined();
  });

  it('takes linear time: lists grow in place', () => {
    const many = Array.from({ length: 30_000 }, (_, i) =>
      chunk({ content: 'x' }, { logprobs: { content: [{ token: `${i}` }] } }),
    );
    const made = fromChunks('chat', [first, ...many, chunk({}, { finish_reason: 'stop' })]);
    expect(made).toMatchObject({ choices: [{ finish_reason: 'stop' }] });
    const { choices } = made as { choices: { logprobs: { content: unknown[] } }[] };
    expect(choices[0]?.logprobs.content).toHaveLength(30_000);
  });

  it('of the legacy endpoint has its text and its log-probabilities', () => {
    const piece = (text: string, more: object = {}) => ({
      ...base,
      object: 'text_completion',
      choices: [{ index: 0, text, logprobs: { tokens: [text] }, finish_reason: null, ...more }],
    });
    expect(fromChunks('completions', [piece('a'), piece('b', { finish_reason: 'stop' })])).toEqual({
      ...base,
      object: 'text_completion',
      choices: [{ index: 0, text: 'ab', finish_reason: 'stop', logprobs: { tokens: ['a', 'b'] } }],
    });
  });
});

describe('a whole answer converted to chunks', () => {
  it.skipIf(SDK < 7)("gives the same answer in the SDK's stream helper", () =>
    fc.assert(
      fc.asyncProperty(whole, async (chunks) => {
        const answer = fromChunks('chat', chunks) as { choices: { message: { refusal: unknown } }[]; usage?: unknown };
        // A refused answer is never stored.
        fc.pre(answer.choices[0]?.message.refusal === null);
        const again = await bySdk(toChunks('chat', answer, answer.usage !== undefined));
        expect(withoutEmpty(again)).toEqual(withoutEmpty(answer));
      }),
      runs,
    ),
  );
});
