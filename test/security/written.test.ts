import { callOptions, callRecord, type RouterEvent } from 'model-router';
import { describe, expect, it } from 'vitest';
import { spendCsv } from '../../src/inspect/spend-csv.js';
import { errorOf } from '../helpers/messages.js';
import { base, completion, lines, messages, routerOver } from '../helpers/recorded-fetch.js';

/** Threat: names from outside forge, hide or reorder lines of a log, run as formulas in a spreadsheet, or fill the memory. */
const HOSTILE = [
  '\n',
  '\r',
  '\0',
  '\x1b[2J',
  '\u007f',
  '\u0085',
  '\u009b31m',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\u061c',
  '\u{e0041}',
  '\ud800',
];
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('lines of the log', () => {
  it.each(HOSTILE)('escape %j', async (character) => {
    const { logger, written } = lines();
    const { router } = routerOver(
      () => Response.json({ id: character, model: `served${character}`, choices: [{ message: { content: 'x' } }] }),
      {
        logger,
        logLevel: 'debug',
        slowMs: 0.001,
        routes: { [`r${character}`]: ['m'] },
        deployments: { m: {}, [`d${character}`]: {} },
      },
    );
    for (const model of [`a${character}b`, `r${character}`, `d${character}`, `rr${character}`])
      await errorOf(
        router.chat.completions
          .create({ model, messages }, callOptions({ tenant: `t${character}` }))
          .then(() => Promise.reject(new Error('answered'))),
      );
    await router.asFetch()(`${base}/x${encodeURIComponent(character.toWellFormed())}`, { headers: { 'x-other': '1' } });
    const ours = written.filter((each) => each.startsWith('model-router'));
    expect(ours.length).toBeGreaterThan(4);
    for (const line of ours) expect(line).not.toMatch(FORBIDDEN);
  });
});

describe('cells of the CSV', () => {
  const cell = (tenant: string) =>
    spendCsv({
      rowsInSlices: () => [[{ day: '2026-11-29', deployment: 'm', route: null, tenant, usd: 1, unpriced: 0 }]],
    } as never)
      .slice('day,deployment,route,tenant,usd,unpriced\r\n2026-11-29,m,,'.length)
      .replace(/,1,0\r\n$/, '')
      .replace(/^"(.*)"$/s, '$1');

  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(1)', "'@SUM(1)"],
    ['  =1', "'  =1"],
    ['\ufeff=1', "'\ufeff=1"],
    ['\0=1', "'\0=1"],
    ['\u3000=1', "'\u3000=1"],
    ['＝1', "'＝1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠1', "'＠1"],
    ['\t1', "'\t1"],
    ['\r1', "'\r1"],
    ['\n1', "'\n1"],
    ['a;=1', "'a;'=1"],
    ['a; \t@b;c', "'a;' \t@b;c"],
    ['plain-name', 'plain-name'],
    ['a=b', 'a=b'],
    ['a"b', 'a""b'],
  ])('%j', (tenant, expected) => {
    expect(cell(tenant)).toBe(expected);
  });

  it('are made in linear time', () => {
    const before = performance.now();
    for (const hostile of [' '.repeat(1e6), ';'.repeat(1e6), '; '.repeat(5e5), '\t'.repeat(1e6)]) cell(hostile);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe('long names', () => {
  const LONG = 'x'.repeat(1_000_000);

  it('are shortened in records, events, tables and logs', async () => {
    const { logger, written } = lines();
    const events: RouterEvent[] = [];
    const { router } = routerOver(
      () =>
        Response.json({
          ...JSON.parse('{}'),
          id: LONG,
          model: LONG,
          choices: [{ message: { content: 'x' }, finish_reason: 'stop' }],
        }),
      {
        logger,
        logLevel: 'debug',
        unknownPrice: 'allow',
        prices: () => ({ input: 1, output: 1 }),
      },
    );
    for (const type of ['call-ended', 'attempt-started', 'price-unknown'] as const)
      router.on(type, (event) => events.push(event));
    const answer = await router.chat.completions.create({ model: LONG, messages }, callOptions({ tenant: LONG }));
    expect(answer.model).toBe(LONG);
    expect(callRecord(answer)).toMatchObject({ requestedModel: LONG.slice(0, 256), servedModel: LONG.slice(0, 256) });
    const kept = [written.join('\n'), JSON.stringify(events), JSON.stringify(router.snapshot()), router.spendCsv()];
    for (const text of kept) expect(text.length).toBeLessThan(20_000);
  });

  it('and other long texts in a usage are not in the record', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    for (const [more, isKept] of [
      [{ extra: { seconds: 1 } }, true],
      [{ extra: LONG }, false],
      [{ extra: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i])) }, false],
    ] as const) {
      const { router } = routerOver(() => completion('x', { ...usage, ...more } as never));
      const answer = await router.chat.completions.create({ model: 'm', messages });
      expect(callRecord(answer)?.providerUsage !== null).toBe(isKept);
      expect(callRecord(answer)?.usage).toMatchObject({ inputTokens: 1 });
    }
  });

  it('of two tenants with the same beginning stay two tenants', async () => {
    const { router, sent } = routerOver(() => completion(), { cache: true });
    for (const tenant of [`${LONG}a`, `${LONG}b`, `${LONG}a`])
      await router.chat.completions.create({ model: 'm', messages }, callOptions({ tenant }));
    expect(sent).toHaveLength(2);
  });
});
