import { describe, expect, it, vi } from 'vitest';
import { spendCsv } from '../../../src/inspect/spend-csv.js';
import { type SpendRow, SpendTable } from '../../../src/state/spend-table.js';
import { useFakeTime } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';

useFakeTime();

const DAY = 86_400_000;
const total = (table: SpendTable) => table.rows().reduce((sum, { usd }) => sum + (usd ?? 0), 0);

describe('SpendTable', () => {
  it('adds up by UTC day, deployment, route and tenant', () => {
    const table = new SpendTable();
    table.add('a', 'chat', 'acme', 0.1);
    table.add('a', 'chat', 'acme', 0.2);
    table.add('a', null, undefined, 1);
    vi.setSystemTime(Date.now() + DAY - 1);
    table.add('a', 'chat', 'acme', 1);
    vi.setSystemTime(Date.now() + 1);
    table.add('a', 'chat', 'acme', 2);
    expect(table.rows()).toEqual([
      { day: '2030-01-01', deployment: 'a', route: 'chat', tenant: 'acme', usd: 1.3, unpriced: 0 },
      { day: '2030-01-01', deployment: 'a', route: null, tenant: null, usd: 1, unpriced: 0 },
      { day: '2030-01-02', deployment: 'a', route: 'chat', tenant: 'acme', usd: 2, unpriced: 0 },
    ]);
  });

  it('has no row for free calls', () => {
    const table = new SpendTable();
    table.add('a', null, undefined, 0);
    expect(table.rows()).toEqual([]);
  });

  it('counts unknown costs: without a known one the sum is null, not 0', () => {
    const table = new SpendTable(1);
    table.add('a', null, undefined, null);
    table.add('a', null, undefined, null);
    expect(table.rows()).toMatchObject([{ usd: null, unpriced: 2 }]);
    table.add('a', null, undefined, 0.5);
    expect(table.rows()).toMatchObject([{ usd: 0.5, unpriced: 2 }]);
    vi.setSystemTime(Date.now() + DAY);
    table.add('b', null, undefined, null);
    expect(table.rows()).toMatchObject([
      { day: 'earlier', deployment: 'a', usd: 0.5, unpriced: 2 },
      { deployment: 'b', usd: null, unpriced: 1 },
    ]);
  });

  it('keeps every sum and its bounds, however many tenants and days there are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ tenant: fc.nat(30), days: fc.constantFrom(0, 0, 0, 0, 1, 30), mils: fc.nat(1000) }), {
          maxLength: 120,
        }),
        (spends) => {
          vi.setSystemTime(Date.UTC(2030, 0, 1));
          const table = new SpendTable(8);
          for (const { tenant, days, mils } of spends) {
            vi.setSystemTime(Date.now() + days * DAY);
            table.add('a', 'chat', `s${tenant}`, mils / 1000);
          }
          expect(total(table)).toBeCloseTo(
            spends.reduce((sum, { mils }) => sum + mils / 1000, 0),
            9,
          );
          // The limit of rows with a day, the limit without one, and one `other` of each kind.
          expect(table.rows().length).toBeLessThanOrEqual(8 + 8 + 2);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('merges the days of the oldest rows, and the names of new tenants of one day', () => {
    const table = new SpendTable(2);
    table.add('a', null, 'old', 1);
    vi.setSystemTime(Date.now() + DAY);
    for (const tenant of ['x', 'y', 'z', 'x']) table.add('a', null, tenant, 1);
    expect(table.rows().map(({ day, tenant, usd }) => [day, tenant, usd])).toEqual([
      ['earlier', 'old', 1],
      ['2030-01-02', 'x', 2],
      ['2030-01-02', 'y', 1],
      ['2030-01-02', 'other', 1],
    ]);
  });
});

const csv = (rows: SpendRow[]) =>
  spendCsv({
    *rowsInSlices() {
      yield rows;
    },
  });

describe('spendCsv', () => {
  const row = { day: '2030-01-01', deployment: 'a', route: null, tenant: null, usd: 1, unpriced: 0 };

  it('has a line per row, with plain numbers', () => {
    expect(csv([row, { ...row, route: 'chat', usd: 0.00000025 }, { ...row, usd: null, unpriced: 10 }])).toBe(
      'day,deployment,route,tenant,usd,unpriced\r\n2030-01-01,a,,,1,0\r\n2030-01-01,a,chat,,0.00000025,0\r\n2030-01-01,a,,,,10\r\n',
    );
  });

  it.each([
    ['a comma', 'a,b', '"a,b"'],
    ['quotes', 'the "best"', '"the ""best"""'],
    ['line ends', 'a\r\nb', '"a\r\nb"'],
    ['a formula', '=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'],
    ['another', '+1', '"\'+1"'],
    ['another formula', '@SUM(A1)', '"\'@SUM(A1)"'],
    ['a formula after a tab', '\t=1', '"\'\t=1"'],
    ['a minus', '-1', '"\'-1"'],
    ['nothing special', 'acme', 'acme'],
  ])('quotes %s', (_, tenant, field) => {
    expect(csv([{ ...row, tenant }])).toContain(`,${field},1,0\r\n`);
  });
});
