import { callRecord } from 'model-router';
import { describe, expect, it } from 'vitest';
import { messages } from '../helpers/messages.js';
import { chunks, type RawRequest, rawRouter } from '../helpers/raw-answers.js';

const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
const setup = { deployments: { m: { price: { input: 2, output: 10 } } } };
const body = { model: 'm', messages, stream: true as const };
const refusal = (status: number) => (request: RawRequest) =>
  'stream_options' in request.body ? { status, error: { message: 'Extra inputs are not permitted' } } : chunks(usage);

async function read(router: ReturnType<typeof rawRouter>['router'], more: object = {}) {
  const stream = await router.chat.completions.create({ ...body, ...more });
  const all: unknown[] = [];
  for await (const chunk of stream) all.push(chunk);
  return { all, record: callRecord(stream) };
}

describe('a server that refuses the router’s additions to a request', () => {
  it.each([400, 422])('with %d: gets the caller’s own body, and no additions afterwards', async (status) => {
    const { router, requests } = rawRouter(refusal(status), setup);
    const { record } = await read(router);
    expect(record).toMatchObject({ attempts: [{ outcome: 'success' }], costUsd: expect.any(Number) });
    expect(requests.map(({ body: sent }) => 'stream_options' in sent)).toEqual([true, false]);
    await read(router);
    expect(requests.map(({ body: sent }) => 'stream_options' in sent)).toEqual([true, false, false]);
  });

  it('gets no second request after another status', async () => {
    const { router, requests } = rawRouter(refusal(403), { ...setup, maxAttempts: 1 });
    await expect(read(router)).rejects.toMatchObject({ status: 403 });
    expect(requests).toHaveLength(1);
  });

  it('that refuses the caller’s own body too: the caller gets that error, and the addition stays', async () => {
    const { router, requests } = rawRouter(
      ({ body: sent }) => ('bad' in sent ? { status: 400, error: { message: 'bad is not allowed' } } : chunks(usage)),
      setup,
    );
    await expect(read(router, { bad: 1 })).rejects.toMatchObject({ status: 400 });
    expect(requests).toHaveLength(2);
    await read(router);
    expect(requests.map(({ body: sent }) => 'stream_options' in sent)).toEqual([true, false, true]);
  });

  it('gets no second request if the caller wrote the parameter itself', async () => {
    const { router, requests } = rawRouter(refusal(422), setup);
    await expect(read(router, { stream_options: { include_usage: true } })).rejects.toMatchObject({ status: 422 });
    expect(requests).toHaveLength(1);
  });
});
