import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answer, type FakeOptions, type RecordedRequest } from '../../../src/testing/index.js';
import { type doorNames, doors, sdkNames } from './entry-points.js';
import { everyCall } from './sdk-calls.js';

/** Calls a tool until the request has a tool's result. */
function useTools({ body }: RecordedRequest) {
  const isAnswered = JSON.stringify(body).includes('"role":"tool"');
  return isAnswered
    ? answer('It is sunny.')
    : answer({ toolCalls: [{ name: 'weather', arguments: { city: 'Bern', degrees: 9 } }] });
}

const options: FakeOptions = {
  name: 'same',
  models: { chat: answer(), tools: useTools, 'org/with slash': answer() },
};

describe.each(sdkNames)('%s', (sdk) => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function results(door: (typeof doorNames)[number]) {
    await using open = await doors[door](options, sdk);
    return await everyCall(open.client);
  }

  it('returns the same through both entry points, for any call', async () => {
    const [server, fetch] = [await results('server'), await results('fakeFetch')];
    expect(server.size).toBeGreaterThan(75);
    for (const [name, result] of server) expect([name, fetch.get(name)]).toEqual([name, result]);
  });

  it('receives the parsed request', async () => {
    const got = await results('fakeFetch');
    expect(got.get('chat')).toMatchObject({ choices: [{ message: { content: 'This is an answer of chat.' } }] });
    expect(got.get('chat, n')).toMatchObject({ choices: [{ index: 0 }, { index: 1 }, { index: 2 }] });
    expect(got.get('chat.stream')).toMatchObject({ choices: [{ message: { content: 'This is an answer of chat.' } }] });
    expect(got.get('chat.stream, tool')).toMatchObject({
      tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Bern","degrees":9}' } }],
    });
    expect(got.get('chat, required tool')).toMatchObject({
      choices: [
        { finish_reason: 'tool_calls', message: { content: null, tool_calls: [{ function: { name: 'weather' } }] } },
      ],
    });
    expect(got.get('chat.parse')).toMatchObject({ choices: [{ message: { parsed: { city: 'text', degrees: 1 } } }] });
    expect(got.get('chat.runTools')).toBe('It is sunny.');
    expect(got.get('chat.withResponse')).toMatch(/^req_same/);
    expect(got.get('chat.retrieve')).toMatchObject({ metadata: { a: '1' } });
    expect(got.get('chat.list')).toMatchObject([{ metadata: { a: '2' } }]);
    expect(got.get('chat.messages')).toMatchObject([{ role: 'user', content: 'What is the weather?' }]);
    expect(got.get('completions')).toMatchObject({ choices: [{ text: 'OnceThis is an answer of chat.' }] });
    expect(got.get('completions, many')).toMatchObject({
      choices: [{ index: 0 }, { index: 1 }, { index: 2 }, { index: 3 }],
    });
    expect(got.get('responses')).toMatchObject({ output_text: 'This is an answer of chat.', status: 'completed' });
    expect(got.get('responses.stream')).toMatchObject({
      output_text: 'This is an answer of chat.',
      status: 'completed',
    });
    expect(got.get('responses.stream, tool')).toMatchObject({ output: [{ type: 'function_call', name: 'weather' }] });
    expect(got.get('responses.parse')).toMatchObject({ output_parsed: { city: 'text', degrees: 1 } });
    expect(got.get('responses.retrieve')).toMatchObject({ output_text: 'This is an answer of chat.' });
    expect(got.get('responses.inputItems')).toMatchObject([{ content: [{ type: 'input_text', text: 'Hello' }] }]);
    expect(got.get('responses, background')).toMatchObject({ status: 'queued', output: [] });
    expect(got.get('responses.cancel')).toMatchObject({ status: 'cancelled' });
    expect(got.get('conversations.items.list')).toHaveLength(3);
    expect(got.get('images.generate, stream')).toMatchObject([
      { type: 'image_generation.partial_image', partial_image_index: 0 },
      { type: 'image_generation.partial_image', partial_image_index: 1 },
      { type: 'image_generation.completed' },
    ]);
    expect(got.get('audio.speech')).toBe('sound of: Hello');
    expect(got.get('audio.transcriptions')).toMatchObject({ text: 'This is an answer of chat.' });
    expect(got.get('audio.transcriptions, text')).toBe('This is an answer of chat.\n');
    expect(got.get('audio.transcriptions, stream')).toHaveLength(5);
    expect(got.get('models')).toMatchObject([{ id: 'chat' }, { id: 'tools' }, { id: 'org/with slash' }]);
    expect(got.get('models.retrieve')).toMatchObject({ id: 'org/with slash' });
    expect(got.get('files.list')).toMatchObject([{ filename: 'picture.png' }, { filename: 'sound.wav' }]);
    expect(got.get('files.list, purpose')).toMatchObject([{ filename: 'picture.png', bytes: 7 }]);
    expect(got.get('files.content')).toBe('sound');
    expect(got.get('batches.cancel')).toMatchObject({ status: 'cancelling' });
    expect(got.get('fineTuning.events')).toHaveLength(1);
    expect(got.get('vectorStores.retrieve')).toMatchObject({ name: 'new' });
  });
});
