import { describe, expect, it, vi } from 'vitest';
import { parseRetryAfter } from '../../../src/util/retry-after.js';
import { useFakeTime } from '../../helpers/clock.js';

useFakeTime();

const parse = (headers: Record<string, string>) => parseRetryAfter(new Headers(headers));
const inMs = (ms: number) => new Date(Date.now() + ms);

describe('parseRetryAfter', () => {
  it.each<[string, number | undefined]>([
    ['2', 2000],
    ['0.25', 250],
    ['.5', 500],
    ['1.', 1000],
    ['1e1', 10_000],
    ['+3', 3000],
    [' 3 ', 3000],
    ['60', 60_000],
    ['60.001', 60_000],
    ['3600', 60_000],
    ['0', undefined],
    ['-0', undefined],
    ['-5', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['1e999', undefined],
    ['0x10', undefined],
    ['1, 1', 1000],
    ['2,2', 2000],
    ['1s', 1000],
    ['1.5S', 1500],
    ['1s, 1s', 1000],
    ['1m', undefined],
    ['1;2', undefined],
    [`1${'0'.repeat(64)}`, undefined],
    [`${' '.repeat(10)}2`, 2000],
    ['2 seconds', undefined],
    ['', undefined],
    ['soon', undefined],
    ['2030-13-45', undefined],
  ])('retry-after: %j is %j ms', (value, ms) => {
    expect(parse({ 'retry-after': value })).toBe(ms);
  });

  it.each<[string, number | undefined]>([
    ['1500', 1500],
    ['0.5', 0.5],
    ['500, 500', 500],
    ['500ms', 500],
    ['500s', undefined],
    ['600000', 60_000],
    ['0', undefined],
    ['-1', undefined],
    ['NaN', undefined],
    ['Tue, 01 Jan 2030 00:00:05 GMT', undefined],
  ])('retry-after-ms: %j is %j ms', (value, ms) => {
    expect(parse({ 'retry-after-ms': value })).toBe(ms);
  });

  it('reads HTTP dates by the current wall clock', () => {
    expect(parse({ 'retry-after': inMs(5000).toUTCString() })).toBe(5000);
    expect(parse({ 'retry-after': inMs(5000).toISOString() })).toBe(5000);
    expect(parse({ 'retry-after': inMs(500_000).toUTCString() })).toBe(60_000);
    const date = inMs(5000).toUTCString();
    vi.setSystemTime(inMs(5000));
    expect(parse({ 'retry-after': date })).toBeUndefined();
  });

  it('reads HTTP dates by the clock of the server, if it sends one', () => {
    for (const skew of [-600_000, 600_000]) {
      const date = inMs(skew).toUTCString();
      expect(parse({ 'retry-after': inMs(skew + 5000).toUTCString(), date })).toBe(5000);
      expect(parse({ 'retry-after': inMs(skew - 5000).toUTCString(), date })).toBeUndefined();
    }
    expect(parse({ 'retry-after': inMs(5000).toUTCString(), date: 'yesterday' })).toBe(5000);
  });

  it('prefers milliseconds, where they make sense', () => {
    expect(parse({ 'retry-after-ms': '100', 'retry-after': '2' })).toBe(100);
    expect(parse({ 'retry-after-ms': 'x', 'retry-after': '2' })).toBe(2000);
    expect(parse({})).toBeUndefined();
  });
});
