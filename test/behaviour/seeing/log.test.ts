import type { Logger, LogLevel } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { sendChat } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

function logging(more: { logLevel?: LogLevel } = {}) {
  const lines: string[] = [];
  const write = (name: string) => (message: string) => void lines.push(`${name}: ${message}`);
  const logger: Logger = { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
  // The clients of the tests have no logger of their own.
  return { lines, options: { logger, logLevel: 'warn', ...more } satisfies Setup };
}

describe('the log, by default', () => {
  it('reports that a breaker opens, and closes', async () => {
    const { lines, options } = logging();
    const { router } = build(
      { a: [fail(500), answer()] },
      { ...options, maxAttempts: 1, breaker: { consecutive: 1, cooldownMs: 1000 } },
    );
    await settled(sendChat(router, 'a'));
    await pass(1000);
    await settled(sendChat(router, 'a'));
    expect(lines).toEqual([
      'warn: model-router a: breaker open, it gets no calls for 1000 ms',
      'warn: model-router a: breaker closed, it answers again',
    ]);
  });

  it('reports that a client is suspended, and used again', async () => {
    const { lines, options } = logging();
    const { router } = build({ a: [fail(401), answer()] }, { ...options, maxAttempts: 1 });
    await settled(sendChat(router, 'a'));
    await pass(60_000);
    await settled(sendChat(router, 'a'));
    expect(lines).toEqual([
      expect.stringMatching(/^warn: model-router client default suspended for 60000 ms: its key was refused .*\(401 /),
      'warn: model-router client default is back: it answers again',
    ]);
  });

  it('reports an unknown model once, with the nearest name', async () => {
    const { lines, options } = logging();
    const { router } = build(
      { 'vendor/model': fail(404, { code: 'model_not_found' }), 'vendor/model-2': answer() },
      { ...options, maxAttempts: 1 },
    );
    for (let i = 0; i < 3; i++) await settled(sendChat(router, 'vendor/model'));
    expect(lines).toEqual([
      'warn: model-router vendor/model: the server knows no model "vendor/model"; did you mean "vendor/model-2"?',
    ]);
  });

  it('reports the first failover of a route, then one an hour with the number of the others', async () => {
    const { lines, options } = logging();
    const { router } = build({ a: fail(503), b: answer() }, { ...options, breaker: false });
    for (let i = 0; i < 5; i++) await settled(sendChat(router));
    const first = 'warn: model-router route standard: failover from a (server-error 503) to b';
    expect(lines).toEqual([first]);
    await pass(3_600_000);
    await settled(sendChat(router));
    expect(lines).toEqual([first, `${first} (4 such lines before it were skipped)`]);
  });

  it('reports a paused deployment, once for each pause', async () => {
    const { lines, options } = logging();
    const { router } = build({ a: fail(429, { headers: { 'retry-after': '3' } }) }, { ...options, maxAttempts: 1 });
    await Promise.all([settled(sendChat(router, 'a')), settled(sendChat(router, 'a'))]);
    expect(lines).toEqual(['warn: model-router a paused for 3000 ms, as its server requested (429)']);
  });

  it('reports that an error budget burns, and that it recovers', async () => {
    const { lines, options } = logging();
    const { router } = build(
      { a: fail(500) },
      { ...options, breaker: false, maxAttempts: 1, deployments: { a: { sla: { uptime: 0.999 } } }, routes: {} },
    );
    for (let i = 0; i < 5; i++) await settled(sendChat(router, 'a'));
    expect(lines).toEqual([
      'warn: model-router a: its error budget burns 1000 times too fast (page)',
      'warn: model-router a: its error budget burns 1000 times too fast (ticket)',
    ]);
  });

  it('writes at most five lines a minute about one subject', async () => {
    const { lines, options } = logging();
    const { router } = build(
      { a: Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? fail(500) : answer())) },
      { ...options, maxAttempts: 1, breaker: { consecutive: 1, cooldownMs: 100 } },
    );
    for (let i = 0; i < 40; i++) {
      await settled(sendChat(router, 'a'));
      await pass(100);
    }
    expect(lines).toHaveLength(5);
    await pass(60_000);
    await settled(sendChat(router, 'a'));
    expect(lines.at(-1)).toMatch(/\(\d+ such lines before it were skipped\)$/);
  });

  it('writes a line a minute about slow attempts if slowMs was set, else one an hour, with their number', async () => {
    for (const [slowMs, everyMs] of [
      [100, 60_000],
      [undefined, 3_600_000],
    ] as const) {
      const { lines, options } = logging();
      const { router } = build({ a: answer({ latencyMs: 600 }) }, { ...options, ...(slowMs && { slowMs }) });
      for (let i = 0; i < 4; i++) await settled(sendChat(router, 'a'));
      const limit = slowMs ?? 500;
      expect(lines).toEqual([
        `warn: model-router a: 1 attempt slower than ${limit} ms since the last such line; the latest took 600 ms`,
      ]);
      await pass(everyMs - 2400);
      await settled(sendChat(router, 'a'));
      expect(lines).toEqual([
        expect.anything(),
        `warn: model-router a: 4 attempts slower than ${limit} ms since the last such line; the latest took 600 ms`,
      ]);
    }
  });

  it.each<LogLevel>(['error', 'off'])('writes nothing at %s', async (logLevel) => {
    const { lines, options } = logging({ logLevel });
    const { router } = build({ a: fail(401), b: answer({ latencyMs: 900 }) }, options);
    await settled(sendChat(router));
    expect(lines).toEqual([]);
  });

  it('uses a logger that is assigned later', async () => {
    const { options } = logging();
    const other = logging();
    const { router } = build({ a: fail(401) }, { ...options, maxAttempts: 1 });
    router.logger = other.options.logger;
    await settled(sendChat(router, 'a'));
    expect(other.lines).toHaveLength(1);
  });
});
