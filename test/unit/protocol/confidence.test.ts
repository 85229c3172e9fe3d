import { describe, expect, it } from 'vitest';
import { confidenceOf } from '../../../src/protocol/confidence.js';

type Tokens = readonly (readonly [token: string, probability: number])[];

const logprobs = (tokens: Tokens) =>
  tokens.map(([token, p]) => ({ token, logprob: Math.log(p), bytes: null, top_logprobs: [] }));

function chat(tokens: Tokens, more: object = {}, message: object = {}) {
  const content = tokens.map(([token]) => token).join('');
  return {
    choices: [
      {
        index: 0,
        finish_reason: 'stop',
        message: { role: 'assistant', content, ...message },
        logprobs: { content: logprobs(tokens) },
        ...more,
      },
    ],
  };
}

function response(tokens: Tokens, more: object = {}) {
  const text = tokens.map(([token]) => token).join('');
  const content = [{ type: 'output_text', text, logprobs: logprobs(tokens) }];
  return { status: 'completed', output: [{ type: 'reasoning' }, { type: 'message', content }], ...more };
}

const sure: Tokens = [
  ['Paris', 0.9],
  [' is', 0.8],
  [' it', 0.9],
  ['.', 1],
];
const mean = (...p: number[]) => Math.exp(p.reduce((sum, each) => sum + Math.log(each), 0) / p.length);

describe('confidenceOf', () => {
  it.each([
    ['chat', chat(sure)],
    ['responses', response(sure)],
  ])('of text: the geometric mean, the 10th percentile and the first token (%s)', (_, answer) => {
    const scores = confidenceOf(answer, false);
    expect(scores.mean).toBeCloseTo(mean(0.9, 0.8, 0.9, 1), 10);
    expect(scores.lowest).toBeCloseTo(0.8, 10);
    expect(scores.first).toBeCloseTo(0.9, 10);
  });

  it('of JSON: values only, the weakest field, and the first value', () => {
    const tokens: Tokens = [
      ...([
        ['{"', 1],
        ['label', 0.2],
        ['":"', 1],
        ['spam', 0.6],
        ['",', 1],
      ] as Tokens),
      ...([
        [' "score', 0.3],
        ['":', 1],
        [' 0', 0.9],
        ['.7', 0.5],
        ['}', 1],
      ] as Tokens),
    ];
    const scores = confidenceOf(chat(tokens), true);
    expect(scores.first).toBeCloseTo(0.6, 10);
    expect(scores.mean).toBeCloseTo(mean(0.6, 0.9, 0.5), 10);
    expect(scores.lowest).toBeCloseTo(Math.min(0.6, mean(0.9, 0.5)), 10);
  });

  it('leaves out reasoning tokens before the content', () => {
    const answer = chat(
      [
        ['<think>', 0.1],
        ['hm', 0.1],
        ['</think>', 0.1],
        ['Yes', 0.9],
      ],
      {},
      { content: 'Yes' },
    );
    expect(confidenceOf(answer, false).mean).toBeCloseTo(0.9, 10);
  });

  it('does not let one token decide alone', () => {
    const answer = {
      choices: [
        {
          finish_reason: 'stop',
          message: { content: 'ab' },
          logprobs: {
            content: [
              { token: 'a', logprob: -9999 },
              { token: 'b', logprob: 0 },
            ],
          },
        },
      ],
    };
    expect(confidenceOf(answer, false).mean).toBeCloseTo(Math.exp(-10), 10);
  });

  it.each([
    ['a refusal', chat(sure, {}, { refusal: 'I cannot.' })],
    ['a truncated answer', chat(sure, { finish_reason: 'length' })],
    ['the end of Mistral’s context', chat(sure, { finish_reason: 'model_length' })],
    ['the end of Anthropic’s context', chat(sure, { finish_reason: 'model_context_window_exceeded' })],
    ['a filtered answer', chat(sure, { finish_reason: 'content_filter' })],
    ['Gemini’s filter', chat(sure, { finish_reason: 'content_filter: SAFETY' })],
    ['Zhipu’s filter', chat(sure, { finish_reason: 'sensitive' })],
    ['an incomplete response', response(sure, { status: 'incomplete' })],
    ['an empty answer', chat([[' ', 1]])],
  ])('%s scores 0', (_, answer) => {
    expect(confidenceOf(answer, false)).toEqual({ mean: 0, lowest: 0, first: 0 });
  });

  it('prose instead of the requested JSON scores 0', () => {
    expect(confidenceOf(chat(sure), true).mean).toBe(0);
    expect(confidenceOf(chat(sure), false).mean).toBeGreaterThan(0.8);
  });

  it.each([
    ['a tool call', chat([], {}, { content: null, tool_calls: [{ id: 'call_1' }] })],
    ['an answer without probabilities', chat(sure, { logprobs: null })],
    ['probabilities of another text', chat(sure, {}, { content: 'Rome' })],
    ['no answer', undefined],
    ['an embedding', { data: [{ embedding: [1] }] }],
  ])('%s is unknown', (_, answer) => {
    expect(confidenceOf(answer, false)).toEqual({ mean: null, lowest: null, first: null });
  });

  it('the least confident of several choices counts', () => {
    const [a, b] = [chat(sure), chat([['Rome', 0.3]])];
    expect(confidenceOf({ choices: [...a.choices, ...b.choices] }, false).mean).toBeCloseTo(0.3, 10);
  });
});
