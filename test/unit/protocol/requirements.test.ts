import { describe, expect, it } from 'vitest';
import { readNeeds } from '../../../src/protocol/requirements.js';

const needs = (body: unknown) => [...readNeeds(body).capabilities];
const ids = (body: unknown) => readNeeds(body).storedIds;
const said = (part: unknown) => ({ messages: [{ role: 'user', content: [part] }] });
const input = (part: unknown) => ({ input: [{ role: 'user', content: [part] }] });

describe('what a request needs', () => {
  it.each<[string, unknown, string[]]>([
    ['nothing', { messages: [{ role: 'user', content: 'Hello' }] }, []],
    ['text in parts', said({ type: 'text', text: 'Hello' }), []],
    ['tools', { tools: [{ type: 'function' }] }, ['tools']],
    ['legacy functions', { functions: [{ name: 'f' }] }, ['tools']],
    ['no tools', { tools: [], functions: [] }, []],
    ['a JSON schema', { response_format: { type: 'json_schema' } }, ['jsonSchema']],
    ['a JSON schema of responses', { text: { format: { type: 'json_schema' } } }, ['jsonSchema']],
    ['any JSON', { response_format: { type: 'json_object' } }, []],
    ['an image', said({ type: 'image_url', image_url: { url: 'x' } }), ['vision']],
    ['an image of responses', input({ type: 'input_image', image_url: 'x' }), ['vision']],
    ['sound', said({ type: 'input_audio', input_audio: {} }), ['audio']],
    ['an audio answer', { modalities: ['text', 'audio'] }, ['audio']],
    ['a text answer', { modalities: ['text'] }, []],
    ['log probabilities', { logprobs: true }, ['logprobs']],
    ['log probabilities of completions', { logprobs: 3 }, ['logprobs']],
    ['log probabilities of responses', { include: ['message.output_text.logprobs'] }, ['logprobs']],
    ['how many log probabilities', { top_logprobs: 0 }, ['logprobs']],
    ['no log probabilities', { logprobs: false, top_logprobs: null, include: ['file_search_call.results'] }, []],
    ['several things', { tools: [{}], logprobs: true }, ['tools', 'logprobs']],
    [
      'an image after much text',
      { messages: [{ role: 'user', content: 'a' }, ...said({ type: 'image_url' }).messages] },
      ['vision'],
    ],
  ])('%s', (_, body, expected) => {
    expect(needs(body)).toEqual(expected);
  });
});

describe('stored objects that a request names', () => {
  it.each<[string, unknown, string[]]>([
    ['nothing', { input: 'Hello' }, []],
    ['the previous response', { previous_response_id: 'resp_1' }, ['resp_1']],
    ['a conversation', { conversation: 'conv_1' }, ['conv_1']],
    ['a conversation as an object', { conversation: { id: 'conv_1' } }, ['conv_1']],
    ['a prompt', { prompt: { id: 'pmpt_1' } }, ['pmpt_1']],
    ['a prompt that is text', { prompt: 'Once' }, []],
    ['an item', { input: [{ type: 'item_reference', id: 'msg_1' }] }, ['msg_1']],
    ['an item, without its type', { input: [{ id: 'msg_1' }] }, ['msg_1']],
    ['a complete item', { input: [{ type: 'message', id: 'msg_1', role: 'user', content: 'a' }] }, []],
    ['a file', said({ type: 'file', file: { file_id: 'file-1' } }), ['file-1']],
    ['a file of responses', input({ type: 'input_file', file_id: 'file-1' }), ['file-1']],
    ['a complete file', said({ type: 'file', file: { file_data: 'AA' } }), []],
    ['an image that is a file', input({ type: 'input_image', file_id: 'file-1' }), ['file-1']],
    ['earlier audio', { messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] }, ['audio_1']],
    ['vector stores', { tools: [{ type: 'file_search', vector_store_ids: ['vs_1', 'vs_2'] }] }, ['vs_1', 'vs_2']],
    ['a container', { tools: [{ type: 'code_interpreter', container: 'cntr_1' }] }, ['cntr_1']],
    ['files of a container', { tools: [{ container: { file_ids: ['file-1'] } }] }, ['file-1']],
    ['invalid ids', { previous_response_id: null, conversation: '', tools: [null] }, []],
  ])('%s', (_, body, expected) => {
    expect(ids(body)).toEqual(expected);
  });
});

it.each([
  undefined,
  null,
  'text',
  7,
  [],
  new FormData(),
  { messages: 'x', input: 7, tools: 'y' },
  { messages: [null, 'a'] },
])('accepts any input: %o', (body) => {
  expect(needs(body)).toEqual(typeof body === 'object' && body !== null && 'tools' in body ? [] : []);
  expect(ids(body)).toEqual([]);
});
