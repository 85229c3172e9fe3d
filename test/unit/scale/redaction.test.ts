import { afterEach, expect, it, vi } from 'vitest';
import { ModelRouter } from '../../../src/index.js';
import { MAX_ERROR_CHARS } from '../../../src/sdk/redact.js';
import { SecretMask } from '../../../src/sdk/secret-mask.js';

const messages = [{ role: 'user' as const, content: 'Hello.' }];
const body = JSON.stringify({ error: { message: 'x'.repeat(1024 * 1024), type: 'server_error' } });

afterEach(() => {
  vi.restoreAllMocks();
});

/** The characters that are searched for keys in one error of 1 MB, and the values that are encoded to find them. */
async function workOf(clients: number): Promise<{ searched: number; encoded: number }> {
  const fetch = async () => new Response(body, { status: 400, headers: { 'content-type': 'application/json' } });
  const names = Array.from({ length: clients }, (_, i) => (i === 0 ? 'default' : `client-${i}`));
  const router = new ModelRouter({
    clients: Object.fromEntries(
      names.map((name) => [name, { apiKey: `sk-${name}-0123456789abcdef`, baseURL: 'http://scale.invalid/v1', fetch }]),
    ) as { default: object },
    deployments: { d: { client: 'default', model: 'm' } },
    routes: { all: ['d'] },
  });
  const fail = () => router.chat.completions.create({ model: 'all', messages }).catch(() => undefined);
  await fail();
  let searched = 0;
  const { mask } = SecretMask.prototype;
  vi.spyOn(SecretMask.prototype, 'mask').mockImplementation(function counted(this: SecretMask, text, except) {
    searched += text.length;
    return mask.call(this, text, except);
  });
  const encode = vi.spyOn(globalThis, 'encodeURIComponent');
  await fail();
  const encoded = encode.mock.calls.length;
  vi.restoreAllMocks();
  await router.close();
  return { searched, encoded };
}

it('an error body of 1 MB is cut first, and searched in the same number of passes for 1 and for 1,000 clients', async () => {
  const one = await workOf(1);
  const thousand = await workOf(1000);
  expect(thousand.searched).toBe(one.searched);
  // The message and the body, and once more where something was cut off.
  expect(one.searched).toBeGreaterThan(MAX_ERROR_CHARS / 2);
  expect(one.searched).toBeLessThan(8 * MAX_ERROR_CHARS);
  // The keys are prepared once, not for each error.
  expect(thousand.encoded).toBeLessThan(4);
});
