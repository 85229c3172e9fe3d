import { inspect } from 'node:util';
import { callOptions, type ModelRouter } from 'model-router';
import { describe, expect, it } from 'vitest';
import { base, completion, routerOver, type Sent } from '../helpers/recorded-fetch.js';

/**
 * Threat: one tenant's prompt reaches another tenant. The upstream quotes prompts in everything it answers: messages,
 * codes, headers, ids, models.
 */
const MARKS = { a: 'MARK-OF-TENANT-A', b: 'MARK-OF-TENANT-B' } as const;
type Tenant = keyof typeof MARKS;
const other = (tenant: Tenant) => MARKS[tenant === 'a' ? 'b' : 'a'];

const markIn = ({ body }: Sent) => /MARK-OF-TENANT-[AB]/.exec(body)?.[0] ?? 'none';

function echoed(sent: Sent, status: number, headers: Record<string, string> = {}): Response {
  const mark = markIn(sent);
  const error = { message: `Limit reached for "${mark}"`, code: `limit "${mark}"`, type: mark, param: mark };
  return Response.json({ error }, { status, headers: { 'x-echo': mark, 'x-request-id': mark, ...headers } });
}

const KINDS: Record<string, (sent: Sent) => Response | Promise<Response>> = {
  'a pause': (sent) => echoed(sent, 429, { 'retry-after': '60' }),
  'a pause by 503': (sent) => echoed(sent, 503, { 'retry-after': '60' }),
  'a suspension': (sent) => echoed(sent, 401),
  'an open breaker': (sent) => echoed(sent, 500),
  'a broken connection': (sent) => Promise.reject(new TypeError(`fetch failed: ${markIn(sent)}`)),
  'answers without content': (sent) => Response.json({ error: { message: markIn(sent) } }),
  'useless answers': (sent) => new Response(markIn(sent), { headers: { 'content-type': 'application/json' } }),
  'good answers': (sent) => {
    const response = completion(markIn(sent));
    response.headers.set('x-echo', markIn(sent));
    return response;
  },
};

/** Everything that a tenant can see of its calls. */
async function seen(router: ModelRouter, tenant: Tenant): Promise<string> {
  const messages = [{ role: 'user' as const, content: MARKS[tenant] }];
  const options = callOptions({ tenant, cache: true, deadlineMs: 500 });
  const body = { model: 'm', messages };
  const routed = router.withOptions({ tenant }).asFetch();
  const calls: (() => PromiseLike<unknown>)[] = [
    () => router.chat.completions.create(body, options).withResponse(),
    () => router.chat.completions.create({ ...body, stream: true }, options),
    () => router.embeddings.create({ model: 'm', input: MARKS[tenant] }, options),
    () => router.responses.create({ model: 'm', input: MARKS[tenant] }, options),
    async () => {
      const response = await routed(`${base}/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
      return [[...response.headers], await response.text()];
    },
  ];
  const outputs: string[] = [];
  for (const call of calls) {
    const shown = await Promise.resolve()
      .then(call)
      .catch((error: unknown) => error);
    const headers = Reflect.get(Object(shown), 'headers');
    outputs.push(inspect(shown, { depth: 9, showHidden: true }), JSON.stringify([...(headers ?? [])]));
  }
  return outputs.join('\n');
}

describe('two tenants with marked prompts', () => {
  it.each(Object.entries(KINDS))('see nothing of each other after %s', async (_kind, answering) => {
    const { router } = routerOver(answering, {
      retry: { baseMs: 0, maxMs: 0 },
      maxAttempts: 2,
      deadlineMs: 500,
      logLevel: 'off',
    });
    for (let round = 0; round < 3; round++) {
      for (const tenant of ['a', 'b'] as const) {
        const text = await seen(router, tenant);
        expect(text).not.toContain(other(tenant));
      }
    }
    const [a, b] = await Promise.all([seen(router, 'a'), seen(router, 'b')]);
    expect(a).not.toContain(MARKS.b);
    expect(b).not.toContain(MARKS.a);
  });

  it('gets the status, a bounded code and Retry-After for a call that was not sent, with the router’s own text', async () => {
    const { router, sent } = routerOver(
      () =>
        Response.json(
          { error: { message: `About ${MARKS.a} ${'x'.repeat(20_000)}`, code: 'rate_limit_exceeded' } },
          { status: 429, headers: { 'retry-after': '30', 'x-echo': MARKS.a, 'x-request-id': MARKS.a } },
        ),
      { maxAttempts: 1, logLevel: 'off' },
    );
    const call = () =>
      router.chat.completions
        .create({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] }, callOptions({ deadlineMs: 200 }))
        .then(
          () => undefined,
          (error: unknown) => error as InstanceType<typeof import('openai').OpenAI.APIError>,
        );
    const first = await call();
    const second = await call();
    expect(sent).toHaveLength(1);
    expect(first?.message).toContain(MARKS.a);
    expect(second).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(Number(second?.headers?.get('retry-after'))).toBeGreaterThan(25);
    expect([...(second?.headers?.keys() ?? [])]).toEqual(['retry-after']);
    expect(JSON.stringify(second?.error).length).toBeLessThan(500);
    expect(inspect(second, { depth: 9 })).not.toContain(MARKS.a);
  });
});
