import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelRouter, type RouterOptions } from 'model-router';
import { compare, readTrace, simulate } from 'model-router/simulate';
import { answer, fail, hang } from 'model-router/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { simulatedOptions, small } from '../../helpers/simulated.js';

type Line = Record<string, unknown>;
let lines: Line[];

const configuration =
  (changes: Partial<RouterOptions> = {}): Parameters<typeof simulate>[0]['router'] =>
  ({ offline }) =>
    new ModelRouter(offline({ ...simulatedOptions, ...changes }));
const onlyFirst = configuration({ routes: { standard: ['first'] } });
const text = (entries: readonly Line[]) => entries.map((line) => JSON.stringify(line)).join('\n');

beforeAll(async () => {
  lines = [];
  await simulate(
    small({
      router: (stage) => {
        const router = new ModelRouter(stage.offline({ ...simulatedOptions, routes: { standard: ['first'] } }));
        router.on('call-ended', ({ record }) => lines.push({ endedAt: Date.now(), ...record }));
        return router;
      },
      traffic: {
        perSecond: 4,
        durationMs: 120_000,
        arrivals: 'even',
        mix: [{ model: 'standard' }, { model: 'second', streamShare: 0.5 }],
      },
      upstreams: {
        first: answer({ latencyMs: 100, usage: { inputTokens: 800, outputTokens: 200 } }),
        second: answer({ latencyMs: 300, chunkMs: 50, usage: { inputTokens: 800, outputTokens: 200 } }),
      },
      faults: [{ at: 'first', behavior: hang(), fromMs: 40_000, toMs: 80_000 }],
    }),
  );
});

describe('a replayed trace', () => {
  it('reproduces the recorded results under the same configuration, and shows those of another one', async () => {
    const { recorded, configurations, table, caveats, excluded } = await compare({
      trace: text(lines),
      configurations: { now: onlyFirst, next: configuration() },
    });
    const { now, next } = configurations;
    expect(recorded.calls).toBe(480);
    expect(excluded).toBe(0);
    expect(recorded.availability).toBeLessThan(0.9);
    expect(Math.abs((now?.availability ?? 0) - recorded.availability)).toBeLessThan(0.02);
    expect(now?.latencyMs.p50).toBeGreaterThan(90);
    expect(next?.availability).toBeGreaterThan(0.995);
    // An abandoned attempt books the output that may have been generated.
    expect(next?.costUsd).toBeLessThan(now?.costUsd ?? 0);
    expect(table.split('\n').map((row) => row.split('  ')[0])).toEqual(['', 'as recorded', 'now', 'next']);
    expect(caveats.join('\n')).toMatch(/How long \d+ abandoned attempts would have taken/);
    expect(caveats.join('\n')).toMatch(/another load/);
  });

  it('replays each call at its time, streams as streams, with the tokens of the call', async () => {
    const few = lines.slice(0, 40);
    const { configurations } = await compare({ trace: text(few), configurations: { now: onlyFirst } });
    const now = configurations['now'];
    expect(now?.calls).toBe(40);
    expect(now?.trafficMs).toBe(9750);
    // Recorded: 300 until the first content, 450 until the end.
    expect(now?.timeToFirstChunkMs.p50).toBe(300);
    expect(now?.latencyMs.max).toBe(450);
    const expected = few.reduce((sum, { costUsd }) => sum + Number(costUsd), 0);
    expect(now?.costUsd).toBeCloseTo(expected, 8);
  });

  it('gives the same result for the same seed', async () => {
    const run = (seed: number) =>
      compare({ trace: text(lines.slice(0, 100)), configurations: { now: onlyFirst }, seed });
    expect(await run(1)).toEqual(await run(1));
  });

  it('answers for an unknown deployment like all the others did, and says so', async () => {
    const options = { ...simulatedOptions, deployments: { ...simulatedOptions.deployments, third: {} } };
    const trace = text(lines);
    const next = configuration({ ...options, routes: { standard: ['third', 'second'] } });
    const unknown = await compare({ trace, configurations: { next } });
    expect(unknown.caveats.join('\n')).toMatch(
      /third would behave: it has no attempts in the trace.*upstreams.*\{ "third": answer/,
    );
    // At all times, also outside the fault, hangs are as frequent as in the whole trace.
    const { attempts = 0, outcomes } = unknown.configurations['next']?.deployments['third'] ?? {};
    expect(attempts).toBeGreaterThan(200);
    expect(outcomes?.success).toBeGreaterThan(0.6 * attempts);
    const upstreams = { third: answer({ latencyMs: 7 }) };
    const known = await compare({ trace, configurations: { next }, upstreams });
    expect(known.caveats.join('\n')).toContain(
      'How third would behave: the trace does not show it, so `upstreams` decides',
    );
    expect(known.caveats.join('\n')).not.toContain('no attempts in the trace');
    expect(known.configurations['next']?.deployments['third']?.latencyMs.max).toBe(7);
  });

  it('ignores a deployment that no call uses', async () => {
    const options = { ...simulatedOptions, deployments: { ...simulatedOptions.deployments, third: {} } };
    const { caveats } = await compare({ trace: text(lines), configurations: { next: configuration(options) } });
    expect(caveats.join('\n')).not.toContain('third');
  });

  it('leaves out calls that caused their own failure, and says so', async () => {
    const [line = {}] = lines;
    const attempt = {
      number: 1,
      deployment: 'first',
      outcome: 'caller-error',
      status: 400,
      startedMs: 0,
      durationMs: 5,
    };
    const { excluded, caveats } = await compare({
      trace: text([...lines.slice(0, 40), { ...line, attempts: [attempt] }]),
      configurations: { now: onlyFirst },
    });
    expect(excluded).toBe(1);
    expect(caveats.join('\n')).toContain('1 calls that caused their own failure');
  });

  it('learns nothing from a call that its caller aborted', async () => {
    const [line = {}] = lines;
    const gone = { number: 1, deployment: 'first', outcome: 'aborted', status: null, startedMs: 0, durationMs: 5 };
    const trace = text([{ ...line, requestedModel: 'standard', attempts: [gone] }]);
    const { caveats } = await compare({ trace, configurations: { now: onlyFirst } });
    expect(caveats.join('\n')).toMatch(/How first would behave: .*the test kit's usual answer/);
  });

  it('is spread evenly if it has no times', async () => {
    const trace = text(lines.slice(0, 40).map(({ endedAt: _, ...line }) => line));
    const { configurations, caveats } = await compare({ trace, configurations: { now: onlyFirst }, perSecond: 2 });
    expect(configurations['now']?.trafficMs).toBe(19_500);
    expect(caveats.join('\n')).toContain('no times');
  });

  it.each([
    ['server-error', 503, 'server-error'],
    ['rate-limited', 429, 'rate-limited'],
    ['connection', null, 'connection'],
    ['invalid-answer', 200, 'invalid-answer'],
    ['unauthorized', 401, 'unauthorized'],
    ['model-not-found', 404, 'model-not-found'],
    ['timeout', null, 'deadline'],
  ])('reproduces a recorded %s', async (outcome, status, again) => {
    const [line = {}] = lines;
    const attempt = { number: 1, deployment: 'first', outcome, status, startedMs: 0, durationMs: 20 };
    const { configurations } = await compare({
      trace: text([{ ...line, requestedModel: 'standard', attempts: [attempt], timeToFirstChunkMs: null }]),
      configurations: { now: configuration({ routes: { standard: ['first'] }, maxAttempts: 1 }) },
      upstreams: { second: fail(500) },
    });
    expect(configurations['now']?.deployments['first']?.outcomes).toEqual({ [again]: 1 });
  });
});

describe('reading a trace', () => {
  const good = { endedAt: 1000, attempts: [], durationMs: 400 };
  const at = (trace: string) => readTrace(trace).map(({ atMs }) => atMs);

  it('orders calls by their start times', () => {
    const later = { ...good, endedAt: '1970-01-01T00:00:01.200Z', durationMs: 100 };
    expect(at(text([later, good]))).toEqual([0, 500]);
  });

  it('accepts events, times of loggers, empty lines, and files', () => {
    const { endedAt: _, ...record } = good;
    const trace = `\n${text([{ type: 'call-ended', record, error: null, time: 5000 }])}\n\n`;
    expect(at(trace)).toEqual([0]);
    const folder = mkdtempSync(join(tmpdir(), 'trace-'));
    try {
      writeFileSync(join(folder, 'calls.jsonl'), trace);
      expect(at(join(folder, 'calls.jsonl'))).toEqual([0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const attempt = { deployment: 'a', outcome: 'success', startedMs: 0, durationMs: 1 };
  it.each([
    ['{"attempts":', /line 2: it is no JSON/],
    ['[1]', /line 2: an array is no call record/],
    [JSON.stringify({ endedAt: 1, durationMs: 1 }), /line 2: attempts: undefined is no list/],
    [JSON.stringify({ ...good, durationMs: -1 }), /line 2: durationMs: -1/],
    [JSON.stringify({ ...good, endedAt: 'soon' }), /line 2: endedAt: "soon" is no time/],
    [JSON.stringify({ ...good, attempts: [attempt, { ...attempt, outcome: 5 }] }), /line 2: attempts\[1\]\.outcome: 5/],
    [JSON.stringify({ attempts: [], durationMs: 1 }), /line 2: it has no `endedAt`/],
  ])('names the invalid line: %s', (line, message) => {
    expect(() => readTrace(`${JSON.stringify(good)}\n${line}`)).toThrow(message);
  });
});
