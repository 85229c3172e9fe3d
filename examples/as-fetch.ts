// The same engine as a `fetch`: for libraries that have their own client, and for code without one.
import assert from 'node:assert/strict';
import { ModelRouter } from 'model-router';
import { answer, fail, hang, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({
  models: { [cheap]: fail(503), [other]: answer('Hello over fetch.') },
  apiKeys: { 'the key of the router': 'a-key-for-the-fake' },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: { price: { input: 0.28, output: 0.28 } } },
  routes: { standard: [cheap, other] },
});

// It replaces everything below `baseURL`, by default https://api.openai.com/v1. LangChain accepts it as
// `configuration: { fetch: router.asFetch() }`; ai-sdk.ts shows it with the AI SDK.
const fetch = router.asFetch();
const url = 'https://api.openai.com/v1/chat/completions';

/** One request, as any library would send it. */
function post(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer a-key-of-the-library', ...headers },
    body: JSON.stringify({ model: 'standard', messages: [{ role: 'user', content: 'Hello!' }], ...body }),
  });
}

const response = await post({});
const headers = [...response.headers].filter(([name]) => name.startsWith('x-router-'));
console.log(`${response.status} ${JSON.stringify(Object.fromEntries(headers))}`);
assert.equal(response.headers.get('x-router-deployment'), other);
assert.equal(response.headers.get('x-router-attempts'), '2');
// The library's key is not sent: the upstream got the router's own.
assert(provider.requests.every(({ apiKeyOf }) => apiKeyOf === 'the key of the router'));

const stream = await post({ stream: true });
const text = await stream.text();
console.log(
  `${stream.headers.get('content-type')}: ${text.split('\n\n').length - 1} events, the last one ${text.split('\n\n').at(-2)}`,
);
assert(text.endsWith('data: [DONE]\n\n'));

// An upstream's error is returned unchanged; the router's own is JSON that is not to be retried.
const wrong = await post({ messages: undefined });
console.log(`${wrong.status} ${await wrong.text()}`);
assert.equal(wrong.status, 400);

provider.set(other, hang());
const late = await post({}, { 'x-router-deadline-ms': '300' });
console.log(`${late.status} ${await late.text()}`);
assert.equal(late.status, 504);
assert.equal(late.headers.get('x-should-retry'), 'false');

const elsewhere = await fetch('https://example.com/v1/chat/completions', { method: 'POST' });
console.log(`${elsewhere.status} ${await elsewhere.text()}`);
assert.equal(elsewhere.status, 400);

await router.close();
await provider.close();
