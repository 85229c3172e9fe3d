import { describe, expect, it } from 'vitest';
import { textOf } from '../../../src/protocol/delivered.js';
import { isUsageChunk, Progress } from '../../../src/protocol/progress.js';
import type { Protocol } from '../../../src/types.js';

function read(protocol: Protocol, chunks: readonly unknown[], choices = 1) {
  const progress = new Progress(protocol, choices);
  for (const chunk of chunks) progress.read(chunk);
  return progress;
}

const choice = (delta: unknown, finish_reason: string | null = null, index = 0) => ({
  id: 'chatcmpl-1',
  model: 'm',
  choices: [{ index, delta, finish_reason }],
});
const text = (value: string, finish_reason: string | null = null, index = 0) => ({
  choices: [{ index, text: value, finish_reason }],
});

describe('content of a chat', () => {
  it.each<[string, unknown, boolean]>([
    ['a role', { role: 'assistant' }, false],
    ['a role and no text', { role: 'assistant', content: '', refusal: null }, false],
    ['nothing', {}, false],
    ['no delta', undefined, false],
    ['null', { content: null }, false],
    ['empty lists', { content: null, tool_calls: [] }, false],
    ['text', { content: 'a' }, true],
    ['a space', { content: ' ' }, true],
    ['reasoning', { reasoning_content: 'hm' }, true],
    ['a refusal', { refusal: 'no' }, true],
    ['a tool call', { tool_calls: [{ index: 0 }] }, true],
    ['a function call', { function_call: { name: 'f' } }, true],
    ['audio', { audio: { data: 'AA' } }, true],
    ['a provider’s own field', { thoughts: 'hm' }, true],
  ])('%s: %s', (_, delta, expected) => {
    expect(read('chat', [choice(delta)]).hasContent).toBe(expected);
  });

  it('stays, once there was some', () => {
    expect(read('chat', [choice({ content: 'a' }), choice({})]).hasContent).toBe(true);
  });
});

describe('the end of a chat', () => {
  it('is a finish reason', () => {
    expect(read('chat', [choice({ content: 'a' })]).finished).toBe(false);
    expect(read('chat', [choice({ content: 'a' }), choice({}, 'stop')]).finished).toBe(true);
    expect(read('chat', [choice({}, '')]).finished).toBe(false);
  });

  it('is one of each choice, however often one of them ends', () => {
    const [a, b] = [choice({}, 'stop', 0), choice({}, 'length', 1)];
    expect(read('chat', [a], 2).isFinal).toBe(false);
    expect(read('chat', [a, a], 2).isFinal).toBe(false);
    expect(read('chat', [a, b], 2).isFinal).toBe(true);
  });

  it('is one of each choice that came, where the body ends: a server may ignore `n`', () => {
    expect(read('chat', [choice({ content: 'a' }), choice({}, 'stop')], 2).finished).toBe(true);
    expect(read('chat', [choice({}, 'stop'), choice({ content: 'b' }, null, 1)], 2).finished).toBe(false);
  });

  it('is withdrawn by content after it', () => {
    expect(read('chat', [choice({}, 'stop'), choice({ content: 'b' })])).toMatchObject({
      finished: false,
      isFinal: false,
    });
  });

  it('counts beside content where the chunks before had none', () => {
    expect(read('chat', [choice({ content: 'a' }), choice({ content: 'b' }, 'stop')]).isFinal).toBe(true);
  });

  it('is no proof beside content where every chunk has one', () => {
    const withdrawn = [choice({ content: 'a' }), choice({}, 'stop'), choice({ content: 'b' }, 'stop')];
    expect(read('chat', withdrawn)).toMatchObject({ finished: true, isFinal: false });
    expect(read('chat', [choice({ content: 'a' }, 'stop')])).toMatchObject({ finished: true, isFinal: false });
    expect(read('chat', [choice({ content: 'a' }, 'stop'), choice({}, 'stop')]).isFinal).toBe(true);
  });

  it('is not the text "null"', () => {
    expect(read('chat', [choice({ content: 'a' }, 'null')]).finished).toBe(false);
  });

  it.each([
    ['stop', { completion_tokens: 0, prompt_tokens: 3 }, true],
    ['stop', { completion_tokens: 1, prompt_tokens: 3 }, false],
    ['content_filter', { completion_tokens: 0, prompt_tokens: 3 }, false],
    ['content_filter: RECITATION', { completion_tokens: 0, prompt_tokens: 3 }, false],
    ['length', { completion_tokens: 0, prompt_tokens: 3 }, false],
    ['eos_token', { completion_tokens: 0, prompt_tokens: 3 }, true],
    ['STOP', { completion_tokens: 0, prompt_tokens: 3 }, true],
  ])('without content is empty only if usage confirms it: %s, %o', (reason, usage, expected) => {
    expect(read('chat', [choice({}, reason), { choices: [], usage }]).isEmpty).toBe(expected);
  });
});

describe('completions', () => {
  it('have text and finish reasons', () => {
    const progress = new Progress('completions', 1);
    progress.read(text(''));
    expect(progress.hasContent).toBe(false);
    progress.read(text('a'));
    expect([progress.hasContent, progress.finished]).toEqual([true, false]);
    progress.read(text('', 'stop'));
    expect(progress.finished).toBe(true);
  });
});

describe('responses', () => {
  const event = (type: string, response?: object) => ({ type, ...(response && { response }) });

  it.each([
    ['response.created', false],
    ['response.in_progress', false],
    ['response.output_item.added', false],
    ['response.content_part.added', false],
    ['response.output_text.delta', true],
    ['response.reasoning_summary_text.delta', true],
    ['response.refusal.delta', true],
    ['response.function_call_arguments.delta', true],
    ['response.audio.delta', true],
    ['response.image_generation_call.partial_image', true],
  ])('%s is content: %s', (type, expected) => {
    expect(read('responses', [event(type)]).hasContent).toBe(expected);
  });

  it.each([
    ['response.completed', true, false],
    ['response.incomplete', true, false],
    ['response.failed', true, true],
    ['response.cancelled', true, false],
    ['response.done', true, false],
    ['response.in_progress', false, false],
  ])('%s: finished %s, failed %s', (type, finished, hasFailed) => {
    expect(read('responses', [event(type, { id: 'resp_1' })])).toMatchObject({ finished, failed: hasFailed });
  });

  it('that failed without a reason wait for the event with the reason', () => {
    expect(read('responses', [event('response.failed', { error: null })])).toMatchObject({
      finished: true,
      isFinal: false,
      hasFailedForGood: false,
    });
    const known = event('response.failed', { error: { code: 'server_error' } });
    expect(read('responses', [known])).toMatchObject({ isFinal: true, hasFailedForGood: true });
  });

  it('have begun to work with an item that is not a message', () => {
    const added = (type: string) => ({ type: 'response.output_item.added', item: { type } });
    expect(read('responses', [added('message')]).hasItem).toBe(false);
    expect(read('responses', [added('reasoning')])).toMatchObject({ hasItem: true, hasContent: false });
  });

  it('an error event is a failure', () => {
    expect(read('responses', [event('error')])).toMatchObject({ failed: true, finished: false });
  });

  it('report model, id and usage', () => {
    const response = { id: 'resp_1', model: 'm-2024', usage: { input_tokens: 1 } };
    expect(read('responses', [event('response.completed', response)])).toMatchObject({
      id: 'resp_1',
      model: 'm-2024',
      usage: response.usage,
    });
  });
});

describe('other reported values', () => {
  it('the first model and id, the last usage', () => {
    const usage = { prompt_tokens: 1 };
    const chunks = [choice({}), { ...choice({}), id: 'other', model: 'other' }, { choices: [], usage }];
    expect(read('chat', chunks)).toMatchObject({ id: 'chatcmpl-1', model: 'm', usage });
  });

  it.each<[string, unknown]>([
    ['no choices', { id: '1' }],
    ['invalid choices', { choices: 'x' }],
    ['an invalid choice', { choices: [null, 7] }],
    ['invalid usage', { choices: [], usage: null }],
  ])('nothing, for %s', (_, chunk) => {
    expect(read('chat', [chunk])).toMatchObject({ hasContent: false, finished: false, usage: undefined });
  });

  it('content, for a chunk that is not an object', () => {
    expect(read('chat', ['x']).hasContent).toBe(true);
  });

  it('no empty model and id, as in Azure’s first chunk', () => {
    const chunks = [{ id: '', model: '', choices: [], prompt_filter_results: [] }, choice({ content: 'a' })];
    expect(read('chat', chunks)).toMatchObject({ id: 'chatcmpl-1', model: 'm' });
  });

  it.each<[Protocol, (usage: object) => unknown]>([
    ['chat', (usage) => ({ choices: [], usage })],
    ['responses', (usage) => ({ type: 'response.in_progress', response: { usage } })],
    ['json', (usage) => ({ type: 'image_generation.completed', usage })],
  ])('no zeros after a real usage: %s', (protocol, chunk) => {
    const usage = { input_tokens: 3, output_tokens: 5 };
    const zeros = { input_tokens: 0, output_tokens: 0 };
    expect(read(protocol, [chunk(zeros), chunk(usage), chunk(zeros)]).usage).toEqual(usage);
    expect(read(protocol, [chunk(zeros)]).usage).toEqual(zeros);
  });

  it.each<[Protocol, string, string]>([
    ['json', 'image_generation.partial_image', 'image_generation.completed'],
    ['json', 'image_edit.partial_image', 'image_edit.completed'],
    ['text', 'transcript.text.delta', 'transcript.text.done'],
    ['binary', 'speech.audio.delta', 'speech.audio.done'],
  ])('a stream of the other endpoints (%s) goes on after %s and ends with %s', (protocol, before, last) => {
    expect(read(protocol, [{ type: before }])).toMatchObject({ hasContent: true, finished: false, isFinal: false });
    expect(read(protocol, [{ type: before }, { type: last }])).toMatchObject({ finished: true, isFinal: true });
    expect(read(protocol, [{ type: last }], 2)).toMatchObject({ finished: true, isFinal: false });
  });

  it('a transcript in the shape of a chat is read like one', () => {
    expect(read('text', [choice({ content: 'a' })])).toMatchObject({ hasContent: true, finished: false });
    expect(read('text', [choice({}, 'stop')]).isFinal).toBe(true);
  });
});

describe('isUsageChunk', () => {
  it.each<[unknown, boolean]>([
    [{ choices: [], usage: { prompt_tokens: 1 } }, true],
    [{ choices: [{}], usage: { prompt_tokens: 1 } }, false],
    [{ choices: [], usage: null }, false],
    [{ usage: { prompt_tokens: 1 } }, false],
    [null, false],
  ])('%j: %s', (chunk, expected) => {
    expect(isUsageChunk(chunk)).toBe(expected);
  });
});

describe('textOf', () => {
  it('returns the text of the first choice, for any protocol', () => {
    const chunks = [
      choice({ content: 'One' }),
      choice({ reasoning_content: 'hm' }),
      text(' two'),
      { type: 'response.output_text.delta', delta: ' three' },
      { type: 'response.created' },
      { choices: [] },
      null,
    ];
    expect(textOf(chunks)).toBe('One two three');
  });
});
