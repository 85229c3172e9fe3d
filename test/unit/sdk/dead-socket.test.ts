import { callRecord, ModelRouter } from 'model-router';
import { describe, expect, it } from 'vitest';
import { errorOf, messages } from '../../helpers/messages.js';
import { completion } from '../../helpers/recorded-fetch.js';

/** A router whose origin has answered, and then answers with each of `next` in turn. */
async function afterAnAnswer(next: readonly (() => Response)[]) {
  const answers = [() => completion(), ...next];
  const fetch = async () => {
    const answer = answers.shift();
    return answer === undefined ? completion() : answer();
  };
  const client = { apiKey: 'sk', baseURL: 'https://up.test/v1', fetch };
  const router = new ModelRouter({
    clients: { default: client },
    deployments: { m: {} },
    maxAttempts: 1,
    logLevel: 'off',
  });
  const call = () => router.chat.completions.create({ model: 'm', messages });
  await call();
  return call;
}

/** What `fetch` throws for a connection that fails. */
function failing(code: string, message = 'other side closed'): () => Response {
  return () => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
  };
}

describe('a connection that was already dead', () => {
  it.each([
    ['ECONNRESET', 'read ECONNRESET'],
    ['UND_ERR_SOCKET', 'other side closed'],
    // HTTP/2, which Node 26 uses by default: a server that ends a connection in order, or has not begun the request.
    ['UND_ERR_INFO', 'HTTP/2: "GOAWAY" frame received with code 0'],
    ['ERR_HTTP2_STREAM_ERROR', 'Stream closed with error code NGHTTP2_REFUSED_STREAM'],
    ['ERR_HTTP2_GOAWAY_SESSION', 'New streams cannot be created after receiving a GOAWAY'],
  ])('is replaced: %s, %s', async (code, message) => {
    const call = await afterAnAnswer([failing(code, message)]);
    expect(callRecord(await call())?.attempts).toMatchObject([{ outcome: 'success', resends: 1 }]);
  });

  it.each([
    ['ERR_HTTP2_STREAM_ERROR', 'Stream closed with error code NGHTTP2_INTERNAL_ERROR'],
    ['UND_ERR_INFO', 'HTTP/2: "frameError" received'],
  ])('is not what a server’s failure looks like: %s, %s', async (code, message) => {
    const call = await afterAnAnswer([failing(code, message)]);
    expect(callRecord(await errorOf(call()))?.attempts).toMatchObject([{ outcome: 'connection', resends: 0 }]);
  });

  it.each(['ECONNRESET', 'EPIPE', 'UND_ERR_INFO'])('is not what an answer reports with the code %s', async (code) => {
    const error = { message: 'HTTP/2: "GOAWAY" frame received with code 0', code };
    const call = await afterAnAnswer([() => Response.json({ error }, { status: 502 })]);
    expect(callRecord(await errorOf(call()))?.attempts).toMatchObject([{ outcome: 'server-error', resends: 0 }]);
  });
});
