import { describe, expect, it } from 'vitest';
import { base, completion, routerOver, type Sent } from '../helpers/recorded-fetch.js';

/**
 * Threat: a caller of `asFetch()` spends more than the budget. The provider is a lenient server: it decodes paths,
 * collapses slashes, reads strings as numbers, and bills everything that looks like an endpoint.
 */
const PRICE = { input: 100, output: 1000 };

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function lenientPath(url: string): string {
  let path = new URL(url).pathname;
  try {
    path = decodeURIComponent(path);
  } catch {}
  return path
    .toLowerCase()
    .replace(/[\\/]+/g, '/')
    .replace(/[\s/;].*$/s, (rest) => (rest.startsWith('/') ? rest : ''))
    .replace(/\/$/, '');
}

const asNumber = (value: unknown) => Number(Array.isArray(value) ? value[0] : value);

/** The cost of a request at a server that generates everything requested; and its answer, with that usage. */
function bill({ url, method, body }: Sent): { usd: number; response: Response } {
  if (!['POST', 'PUT', 'PATCH'].includes(method) || !/completions|embeddings|responses/.test(lenientPath(url)))
    return { usd: 0, response: Response.json({ data: [] }) };
  let read: Record<string, unknown> = {};
  try {
    read = JSON.parse(body);
  } catch {}
  const limits = [
    read.max_tokens,
    read.max_completion_tokens,
    read.max_output_tokens,
    read.max_new_tokens,
    read.min_tokens,
  ];
  const limit = Math.max(0, ...limits.map(asNumber).filter((value) => value > 0));
  const times = Math.max(1, ...[read.n, read.best_of].map(asNumber).filter((value) => value > 0));
  // Without a limit it writes 50 tokens.
  const isEmbedding = lenientPath(url).includes('embeddings');
  const completion_tokens = isEmbedding ? 0 : Math.min(1e9, (limit || 50) * times);
  // Letters in a row are few tokens.
  const prompt_tokens = Math.ceil(body.length / 8);
  const usage = { prompt_tokens, completion_tokens };
  return {
    usd: (prompt_tokens * PRICE.input + completion_tokens * PRICE.output) / 1e6,
    response: completion('x', usage),
  };
}

const PATHS = ['/chat/completions', '/completions', '/responses', '/embeddings', '/models', '/files'];
const METHODS = ['POST', 'POST', 'POST', 'PUT', 'PATCH', 'GET', 'DELETE'];
const TYPES = [
  'application/json',
  'application/JSON',
  'application/vnd.x+json',
  'text/plain',
  '',
  'application/octet-stream',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
];
const VALUES = [1, 5, 100, '100000', '1e9', 0, -1, 1e-9, [100_000], null, true, 'x', 1e12, { toString: 1 }, '5', 2.5];
const NAMES = [
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'max_new_tokens',
  'min_tokens',
  'n',
  'best_of',
  'stream',
  'model',
];
const HEADERS = [
  'x-http-method-override',
  'x-router-cache',
  'x-router-deadline-ms',
  'content-encoding',
  'x-request-priority',
  'x-router-tenant',
  'x-router-route',
  'transfer-encoding',
  'content-length',
];

function spelled(path: string, draw: () => number): string {
  const index = 1 + Math.floor(draw() * (path.length - 1));
  const encoded = `%${path.charCodeAt(index).toString(16)}`;
  const all = [
    path,
    `${path}/`,
    `/${path}`,
    path.toUpperCase(),
    `${path.slice(0, index)}${encoded}${path.slice(index + 1)}`,
    `${path}%20`,
    `/v1${path}`,
    `/x/..${path}`,
    path.replace('/', '\\'),
    `${path};a`,
    `${path}?model=other`,
  ];
  return all[Math.floor(draw() * all.length)] ?? path;
}

describe('under a budget of $1', () => {
  it.each([1, 2, 3, 4])('the provider’s bill never exceeds it (seed %i)', async (seed) => {
    const draw = random(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(draw() * from.length)] as T;
    let billed = 0;
    const { router } = routerOver(
      (sent) => {
        const { usd, response } = bill(sent);
        billed += usd;
        return response;
      },
      {
        deployments: { m: { price: PRICE, maxOutputTokens: 100 } },
        budgets: [{ usd: 1, window: 'day' }],
        unlistedModels: 'refuse',
        maxAttempts: 1,
        logLevel: 'off',
      },
    );
    const fetch = router.asFetch({ passThrough: 'reads' });
    const one = async () => {
      const fields = Array.from({ length: Math.floor(draw() * 4) }, () => [pick(NAMES), pick(VALUES)]);
      const body = {
        model: 'm',
        messages: [{ role: 'user', content: 'x'.repeat(Math.floor(draw() * 200)) }],
        ...Object.fromEntries(fields),
      };
      const method = pick(METHODS);
      const text = draw() < 0.05 ? JSON.stringify([body]) : JSON.stringify(body);
      const headers = { 'content-type': pick(TYPES), ...(draw() < 0.2 && { [pick(HEADERS)]: '1' }) };
      const init = method === 'GET' ? { headers } : { method, headers, body: text };
      const response = await fetch(base + spelled(pick(PATHS), draw), init);
      await response.text();
      return response.status;
    };
    const statuses = new Map<number, number>();
    for (let round = 0; round < 40; round++) {
      for (const status of await Promise.all(Array.from({ length: 25 }, one)))
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(billed).toBeLessThanOrEqual(1);
    }
    // Proves that the run had all cases: answers, refusals by form, and refusals by budget.
    for (const status of [200, 400]) expect(statuses.get(status) ?? 0).toBeGreaterThan(20);
    expect(billed).toBeGreaterThan(0.3);
  });
});
