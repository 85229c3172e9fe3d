import { describe, expect, it } from 'vitest';
import { doorNames, doors, post } from './entry-points.js';

const json = { 'content-type': 'application/json' };

describe.each(doorNames)('a bad request, %s', (name) => {
  it.each([
    ['POST', '/chat/completions', { model: 'm' }, 400, 'messages', "Missing required parameter: 'messages'."],
    ['POST', '/chat/completions', { messages: [] }, 400, 'model', "Missing required parameter: 'model'."],
    ['POST', '/embeddings', { model: 'm' }, 400, 'input', "Missing required parameter: 'input'."],
    ['POST', '/audio/speech', { model: 'm', input: 'a' }, 400, 'voice', "Missing required parameter: 'voice'."],
    ['POST', '/batches', {}, 400, 'input_file_id', "Missing required parameter: 'input_file_id'."],
    ['POST', '/nonsense', {}, 404, null, 'Invalid URL (POST /v1/nonsense)'],
    ['DELETE', '/chat/completions', undefined, 405, null, 'Not allowed to DELETE on /v1/chat/completions.'],
    ['GET', '/files/file-x', undefined, 404, null, "No file found with id 'file-x'."],
    ['GET', '/models/x', undefined, 404, 'model', 'The model `x` does not exist or you do not have access to it.'],
    ['GET', '/responses/resp_x', undefined, 404, null, "No response found with id 'resp_x'."],
    [
      'POST',
      '/responses',
      { model: 'm', input: 'a', previous_response_id: 'resp_x' },
      400,
      'previous_response_id',
      "Previous response with id 'resp_x' not found.",
    ],
    [
      'POST',
      '/responses',
      { model: 'm', conversation: 'conv_x' },
      404,
      null,
      "Conversation with id 'conv_x' not found.",
    ],
  ])('%s %s %j is %d', async (method, path, body, status, param, message) => {
    await using door = await doors[name]({ models: ['m'] });
    const response = await door.fetch(path, body === undefined ? { method } : post(body, { method }));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { message, param, type: 'invalid_request_error' } });
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(door.fake.requests).toMatchObject([{ status, outcome: 'failed' }]);
  });

  it('is 400 if it is not JSON, or not a form', async () => {
    await using door = await doors[name]({ models: ['m'] });
    const broken = { method: 'POST', body: '{"model":', headers: json };
    expect((await door.fetch('/chat/completions', broken)).status).toBe(400);
    const type = { 'content-type': 'multipart/form-data; boundary=b' };
    const form = { method: 'POST', body: 'no form', headers: type };
    // `fakeFetch` never reads a text as a form; bytes are read as one, as on the wire.
    const bytes = { ...form, body: Buffer.from(form.body) };
    expect((await door.fetch('/audio/transcriptions', bytes)).status).toBe(400);
  });

  it('does not use up a turn of the script', async () => {
    await using door = await doors[name]({ models: { m: (_, n) => ({ type: 'answer', content: `turn ${n}` }) } });
    await door.fetch('/chat/completions', post({ model: 'm' }));
    expect(await (await door.fetch('/chat/completions', post({ model: 'm', messages: [] }))).text()).toContain(
      'turn 0',
    );
  });
});
