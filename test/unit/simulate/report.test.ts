import { simulate, simulationReport, simulationTable } from 'model-router/simulate';
import { fail, hang } from 'model-router/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { count, percent, ticks, timeTicks } from '../../../src/simulate/report/format.js';
import { small } from '../../helpers/simulated.js';

const EVIL = '<script>alert("1")</script>';
let simulation: Awaited<ReturnType<typeof simulate>>;
let page: string;

beforeAll(async () => {
  const faults = [
    { at: 'first', behavior: hang(), fromMs: 10_000, toMs: 20_000 },
    { at: 'first', behavior: fail(500), share: 0.1 },
  ];
  simulation = await simulate(small({ faults, baseline: true }, { maxAttempts: 1 }));
  page = simulationReport(simulation, { title: EVIL, deadlineMs: 2000 });
});

describe('the report', () => {
  it('is one page without external assets', () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=|https?:/);
    expect(page).toContain('name="viewport"');
    expect(page).toContain('prefers-color-scheme:dark');
  });

  it('says in words what it draws', () => {
    const drawings = page.match(/<svg role="img"/g) ?? [];
    expect(drawings).toHaveLength(6);
    expect(page.match(/<svg [^>]*><title>[^<]+<\/title><desc>[^<]+<\/desc>/g)).toHaveLength(6);
  });

  it('shows the numbers, with and without the router, and the advice', () => {
    expect(page).toContain(percent(simulation.availability));
    expect(page).toContain(percent(simulation.baseline?.availability ?? null));
    expect(page).toContain('No reserve');
    expect(page).toContain('deadline 2,000 ms');
    expect(page).toContain(`The first 20 of ${simulation.failed} calls that failed`);
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  it('shades every fault in every chart, and in the row of its deployment', () => {
    const figures = page.split('<figure').slice(1);
    expect(figures).toHaveLength(5);
    const counts = figures.map((figure) =>
      ['down', 'fault'].map((look) => figure.split(`<rect class="${look}"`).length - 1),
    );
    expect(counts).toEqual(Array.from({ length: 5 }, () => [1, 1]));
    // A tenth of the requests: fainter than an outage.
    expect(page).toMatch(/<rect class="fault" [^>]*fill-opacity="0.41"/);
    expect(page.match(/key fault/g)).toHaveLength(5);
  });

  it('names the line without the router where it is drawn', () => {
    const [answered] = page.split('<figure').slice(1);
    expect(answered).toMatch(
      /<span class="line-name[^"]*" style="left:[\d.]+%;top:[\d.]+%">without the router<\/span>/,
    );
    expect(page).not.toMatch(/>without</);
  });

  it('has tables with a label for each cell on a phone', () => {
    expect(page).toContain('<th scope="col">attempts</th>');
    expect(page).toContain('<td data-title="attempts">');
    expect(page).toContain('<td class="text" data-title="what">hangs</td>');
  });

  it('has a time axis from the start to the end', () => {
    const axes = page.match(/<div class="time".*?<\/div>/g) ?? [];
    expect(axes.length).toBeGreaterThan(0);
    for (const axis of axes) expect(axis).toMatch(/>0:00<.* class="end" style="left:100%">1:00</);
  });

  it('escapes names', () => {
    const { first } = simulation.deployments;
    const named = simulationReport({ ...simulation, ...(first && { deployments: { [EVIL]: first } }) });
    for (const html of [page, named]) expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)');
    expect(named).not.toContain(EVIL);
  });

  it('can be made without a plain client, and from stored JSON', async () => {
    const { baseline: _, ...rest } = simulation;
    const kept: typeof simulation = JSON.parse(JSON.stringify({ ...rest, baseline: null }));
    expect(simulationReport(kept)).not.toContain('class="key without"');
    expect(simulationReport(JSON.parse(JSON.stringify(simulation)), { title: EVIL, deadlineMs: 2000 })).toBe(page);
  });

  it('refuses an input that is not a simulation', () => {
    const other: typeof simulation = JSON.parse('{}');
    expect(() => simulationReport(other)).toThrow(/what simulate\(\) gives/);
  });
});

describe('its numbers', () => {
  it('never round up to 100 %', () => {
    expect(percent(1)).toBe('100.0 %');
    expect(percent(0.999999)).toBe('99.9999 %');
    expect(percent(0.99996)).toBe('99.9960 %');
    expect(percent(0.99989)).toBe('99.98 %');
    expect(percent(0.5)).toBe('50.0 %');
    expect(percent(null)).toBe('–');
    expect(count(1234.6)).toBe('1,235');
  });

  it('are on round scales', () => {
    expect(ticks(2900, 4)).toEqual([0, 1000, 2000, 3000]);
    expect(ticks(100, 4)).toEqual([0, 50, 100]);
    expect(ticks(0, 4)).toEqual([0]);
    expect(timeTicks(900_000)).toEqual([0, 300_000, 600_000, 900_000]);
    expect(timeTicks(1_000_000)).toEqual([0, 300_000, 600_000, 1_000_000]);
    expect(timeTicks(500)).toEqual([0, 500]);
  });
});

it('the table has a row for each', () => {
  const rows = simulationTable({ router: simulation }).split('\n');
  expect(rows).toHaveLength(2);
  expect(rows[1]).toMatch(/^router +240 +\d+ +\d+\.\d{3} % +100 ms +2,000 ms +1\.000 +\$0\.\d{4}$/);
});
