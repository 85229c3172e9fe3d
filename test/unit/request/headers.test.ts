import { describe, expect, it } from 'vitest';
import type { HeaderOption, SingleCallOptions } from '../../../src/options/options.js';
import { readHeaders } from '../../../src/request/headers.js';

type Given = Parameters<typeof readHeaders>[0];

const all = new Set<HeaderOption>(['priority', 'deadline', 'cache', 'route', 'tenant']);
const rows = (headers: Given) => [...new Headers(headers as Record<string, string>)];

/** The SDK's internal form of headers: some to set, some to remove. */
const nullable: Given = {
  values: new Headers({ 'X-Router-Route': 'a', 'x-b': '1' }),
  nulls: new Set(['x-c']),
} as never;

describe('readHeaders', () => {
  it.each<[string, Given, SingleCallOptions]>([
    ['priority', { 'X-Request-Priority': 'batch' }, { priority: 'batch' }],
    ['priority as written', { 'x-request-priority': 'high' }, { priority: 'high' }],
    ['deadline', { 'X-Router-Deadline-Ms': ' 2000 ' }, { deadlineMs: 2000 }],
    ['deadline in parts', { 'X-Router-Deadline-Ms': '0.5' }, { deadlineMs: 0.5 }],
    ['route', { 'X-ROUTER-ROUTE': 'a' }, { route: 'a' }],
    [
      'several',
      [
        ['X-Router-Route', 'a'],
        ['X-Request-Priority', 'high'],
      ],
      { route: 'a', priority: 'high' },
    ],
    ['of a Headers object', new Headers({ 'X-Router-Route': 'a' }), { route: 'a' }],
    ['of the SDK’s own object', nullable, { route: 'a' }],
    ['of a list of values, the last', { 'X-Router-Route': ['a', 'b'] }, { route: 'b' }],
    ['a null header is ignored', { 'X-Router-Route': null, 'X-Request-Priority': null }, {}],
    ['none', undefined, {}],
    ['null', null, {}],
  ])('reads options: %s', (_, headers, options) => {
    expect(readHeaders(headers, all).options).toEqual(options);
  });

  it('reads only what is allowed', () => {
    const headers = { 'X-Request-Priority': 'high', 'X-Router-Deadline-Ms': 'x', 'X-Router-Route': 'a' };
    expect(readHeaders(headers, new Set()).options).toEqual({});
    expect(readHeaders(headers, new Set(['route'])).options).toEqual({ route: 'a' });
  });

  it('removes the router’s own headers, allowed or not', () => {
    const headers = {
      'X-Router-Anything': '1',
      'x-router-cache': 'no-store',
      'X-Request-Priority': 'high',
      'x-mine': '2',
    };
    expect(rows(readHeaders(headers, all).headers)).toEqual([['x-mine', '2']]);
    expect(rows(readHeaders(headers, new Set()).headers)).toEqual([
      ['x-mine', '2'],
      ['x-request-priority', 'high'],
    ]);
  });

  it('returns its input if nothing changes', () => {
    const headers = { 'x-mine': '2', 'x-none': null };
    expect(readHeaders(headers, all).headers).toBe(headers);
    expect(headers).toEqual({ 'x-mine': '2', 'x-none': null });
  });

  it('keeps null values, which remove a header', () => {
    expect(readHeaders(nullable, all).headers).toContainEqual(['x-c', null]);
  });

  it.each([
    ['Authorization', true],
    ['api-key', true],
    ['COOKIE', true],
    ['OpenAI-Organization', true],
    ['openai-project', true],
    ['X-Authorization', false],
    ['x-api-version', false],
  ])('%s: credentials: %s', (name, expected) => {
    expect(readHeaders({ [name]: 'x' }, all).hasCredentials).toBe(expected);
  });

  it.each(['x', '', ' ', '0', '-1', 'NaN', 'Infinity', '1e10', '5s'])('a deadline of %j is refused', (value) => {
    expect(() => readHeaders({ 'X-Router-Deadline-Ms': value }, all)).toThrow(
      `X-Router-Deadline-Ms: ${JSON.stringify(value)} is not allowed; give milliseconds above 0, such as 2000.`,
    );
  });
});
