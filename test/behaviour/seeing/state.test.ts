import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger, RouterState } from 'model-router';
import { fileState } from 'model-router/node';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { errorOf, sendChat } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'model-router-state-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const usage = { inputTokens: 1_000_000, outputTokens: 0 };
const priced: Setup = {
  deployments: { a: { price: { input: 1, output: 0 }, sla: { uptime: 0.9 } } },
  routes: { standard: { deployments: ['a'], sla: { uptime: 0.9 } } },
  budgets: [{ usd: 10, window: 'day' }],
  countTokens: () => 1_000_000,
  breaker: false,
  maxAttempts: 1,
};

const spent = (router: ReturnType<typeof build>['router']) => router.snapshot().spend.budgets[0]?.spentUsd;

describe('exportState() and importState()', () => {
  it('carry service levels and spending', async () => {
    const { router } = build({ a: [answer({ usage }), fail(500)] }, priced);
    await settled(sendChat(router));
    await settled(sendChat(router));
    const other = build({ a: answer() }, priced).router;
    other.importState(JSON.parse(JSON.stringify(router.exportState())) as RouterState);
    expect(other.snapshot().deployments.a).toMatchObject({
      uptime: null,
      uptimeBy: { month: 0.5 },
      sla: { uptime: 0.5 },
    });
    expect(other.slaReport().routes.standard).toMatchObject({ answered: 1, failed: 1 });
    expect(other.slaReport().deployments.a?.p99Ms).toBe(router.slaReport().deployments.a?.p99Ms);
    expect([spent(router), spent(other)]).toEqual([1, 1]);
  });

  it('importing twice, in any order, or its own export, changes nothing', async () => {
    const { router } = build({ a: answer({ usage }) }, priced);
    await settled(sendChat(router));
    const early = router.exportState();
    await settled(sendChat(router));
    const late = router.exportState();
    router.importState(late);
    expect(spent(router)).toBe(2);
    for (const order of [
      [early, late, late],
      [late, early],
      [early, early, late, early],
    ]) {
      const other = build({ a: answer() }, priced).router;
      for (const state of order) other.importState(state);
      expect(other.slaReport().deployments.a?.answered).toBe(2);
      expect(spent(other)).toBe(2);
      const { processes } = other.exportState();
      expect(Object.keys(processes)).toHaveLength(2);
      expect(processes).toMatchObject(late.processes);
    }
  });

  it('pass on what was imported, so that a third process has all', async () => {
    const first = build({ a: answer({ usage }) }, priced).router;
    const second = build({ a: answer({ usage }) }, priced).router;
    const third = build({ a: answer() }, priced).router;
    await settled(sendChat(first));
    second.importState(first.exportState());
    await settled(sendChat(second));
    third.importState(second.exportState());
    third.importState(first.exportState());
    expect([spent(second), spent(third)]).toEqual([2, 2]);
    expect(third.slaReport().routes.standard?.answered).toBe(2);
  });

  it('keep a sliding budget', async () => {
    const sliding = { ...priced, budgets: [{ usd: 10, windowMs: 60_000 }] };
    const first = build({ a: answer({ usage }) }, sliding).router;
    await settled(sendChat(first));
    await pass(30_000);
    const second = build({ a: answer() }, sliding).router;
    second.importState(first.exportState());
    second.importState(first.exportState());
    expect(spent(second)).toBe(1);
    await pass(32_500);
    expect(spent(second)).toBe(0);
  });

  it('continue alarms after a restart', async () => {
    const { router } = build({ a: fail(500) }, priced);
    for (let i = 0; i < 10; i++) await settled(sendChat(router));
    const other = build({ a: fail(500) }, priced).router;
    other.importState(router.exportState());
    await settled(sendChat(other));
    expect(other.snapshot().deployments.a?.burn?.burning).toContain('page');
  });

  it.each([undefined, {}, { version: 2, processes: {} }, { version: 1, processes: { a: { seq: 1 } } }])(
    'refuse %j',
    (state) => {
      const { router } = build({ a: answer() });
      expect(() => router.importState(state as unknown as RouterState)).toThrow(/importState.*exportState/);
    },
  );
});

describe('fileState()', () => {
  const withFiles = (path: string, models = { a: answer({ usage }) }, more: Setup = {}) =>
    build(models, { ...priced, ...more, state: fileState(path) });

  it('touches no file before the first call', async () => {
    const path = directory();
    const { router } = withFiles(join(path, 'new'));
    router.snapshot();
    await router.close();
    expect(readdirSync(path)).toEqual([]);
  });

  it('has one file per process, and the next process knows what was spent', async () => {
    const path = directory();
    const first = withFiles(path).router;
    await settled(sendChat(first));
    await first.close();
    const second = withFiles(path).router;
    await settled(sendChat(second));
    expect(spent(second)).toBe(2);
    expect(second.slaReport().deployments.a?.answered).toBe(2);
    await second.close();
    expect(readdirSync(path)).toHaveLength(2);
  });

  it('never overspends, wherever the process is killed: it writes before it spends', async () => {
    const path = directory();
    let calls = 0;
    for (let round = 0; round < 20; round++) {
      // Killed: no close().
      const { router, fake } = withFiles(path);
      for (let i = 0; i < (round % 3) + 1; i++) await settled(sendChat(router));
      calls += fake.requests.length;
    }
    expect(calls).toBeLessThanOrEqual(10);
    // A hundredth of the limit is lost with each kill, at most.
    expect(calls).toBeGreaterThanOrEqual(8);
  });

  it('counts calls that ran when the process was killed', async () => {
    const path = directory();
    const first = withFiles(path, { a: answer({ usage, latencyMs: 1000 }) }).router;
    const running = sendChat(first);
    running.catch(() => undefined);
    await pass(10);
    const second = withFiles(path).router;
    await settled(sendChat(second));
    expect(spent(second)).toBeGreaterThanOrEqual(2);
  });

  it('writes counts at most every ten seconds', async () => {
    const path = directory();
    const { router } = withFiles(path);
    await settled(sendChat(router));
    const file = join(path, readdirSync(path)[0] ?? '');
    const answered = () =>
      readFileSync(file, 'utf8')
        .split('\n')[0]
        ?.match(/"good"|"month":\[\[\d+,(\d+)/)?.[1];
    expect(answered()).toBeUndefined();
    await pass(9999);
    await settled(sendChat(router));
    expect(answered()).toBeUndefined();
    await pass(1);
    await settled(sendChat(router));
    expect(answered()).toBe('3');
  });

  it('ignores a line that was cut off, and a file that is no state', async () => {
    const path = directory();
    const first = withFiles(path).router;
    await settled(sendChat(first));
    appendFileSync(join(path, readdirSync(path)[0] ?? ''), '["[\\"da');
    writeFileSync(join(path, 'broken.state.json'), '{"version":1,');
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger: Logger = { error: write, warn: write, info: write, debug: write };
    const second = withFiles(path, undefined, { logger, logLevel: 'warn' }).router;
    await settled(sendChat(second));
    expect(spent(second)).toBeGreaterThanOrEqual(2);
    expect(lines.filter((line) => line.includes('broken.state.json'))).toHaveLength(1);
  });

  it('fails no call if the disk cannot be written, and reports it once a minute', async () => {
    const path = join(directory(), 'file');
    writeFileSync(path, '');
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger: Logger = { error: write, warn: write, info: write, debug: write };
    const { router } = withFiles(path, undefined, { logger, logLevel: 'warn' });
    await settled(sendChat(router));
    await settled(sendChat(router));
    expect(router.slaReport().deployments.a?.answered).toBe(2);
    expect(lines.filter((line) => line.includes('state cannot be'))).toHaveLength(1);
  });

  it('removes files of ended processes, once its own file has their parts', async () => {
    const path = directory();
    const first = withFiles(path).router;
    await settled(sendChat(first));
    await first.close();
    const [old = ''] = readdirSync(path);
    await pass(25 * 3_600_000);
    const second = withFiles(path).router;
    await settled(sendChat(second));
    expect(readdirSync(path)).not.toContain(old);
    await second.close();
    const third = withFiles(path).router;
    await settled(sendChat(third));
    expect(third.slaReport().deployments.a?.answered).toBe(3);
  });

  it('is checked', () => {
    expect(() => fileState('')).toThrow(/fileState/);
    const state = { load: () => [] } as unknown as ReturnType<typeof fileState>;
    expect(() => build({ a: answer() }, { state })).toThrow(/state\.save/);
  });
});

it('close() returns a promise', async () => {
  const { router } = build({ a: answer() });
  const closed = router.close();
  expect(closed).toBeInstanceOf(Promise);
  await closed;
  await expect(errorOf(sendChat(router))).resolves.toMatchObject({ code: 'no_deployment_available' });
  vi.useRealTimers();
});

it('router.update() keeps what was imported, and reports what is new of it', async () => {
  const { router } = build({ a: answer({ usage }) }, priced);
  await settled(sendChat(router));
  const other = build({ a: answer() }, { ...priced, routes: {} }).router;
  other.importState(router.exportState());
  other.update({ routes: { standard: ['a'] }, budgets: [{ usd: 20, window: 'day' }] });
  expect(other.slaReport().routes.standard?.answered).toBe(1);
  expect(other.slaReport().deployments.a?.answered).toBe(1);
  expect(other.snapshot().spend.budgets).toMatchObject([{ limitUsd: 20, spentUsd: 1 }]);
});
