import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../src/errors.js';
import {
  checkFunction,
  checkKeys,
  checkMs,
  checkNumber,
  checkOneOf,
  checkRecord,
  checkString,
  checkStrings,
  MAX_MS,
  show,
} from '../../../src/util/check.js';

function thrownBy(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    if (error instanceof InvalidOptionError) return error.message;
    throw error;
  }
  return 'nothing';
}

describe('show', () => {
  it.each<[unknown, string]>([
    ['text', '"text"'],
    ['a "quoted"\nline', '"a \\"quoted\\"\\nline"'],
    [7, '7'],
    [Number.NaN, 'NaN'],
    [5n, '5'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [{ apiKey: 'sk-secret' }, 'an object'],
    [['sk-secret'], 'an array'],
    [() => 'sk-secret', 'a function'],
    ['x'.repeat(200), `"${'x'.repeat(76)}...`],
  ])('%o: %s', (value, text) => {
    expect(show(value)).toBe(text);
  });
});

describe('a check returns a valid value', () => {
  it('and names option, value and allowed values otherwise', () => {
    expect(checkMs('aMs', 0.5)).toBe(0.5);
    expect(checkMs('aMs', MAX_MS)).toBe(MAX_MS);
    for (const wrong of [0, -1, Number.NaN, MAX_MS + 1, Number.POSITIVE_INFINITY, '5', null]) {
      expect(thrownBy(() => checkMs('aMs', wrong))).toBe(
        `aMs: ${show(wrong)} is not allowed; give milliseconds above 0, at most 2147483647.`,
      );
    }
  });

  it.each<[Parameters<typeof checkNumber>[2], number[], number[]]>([
    [{ least: 0, what: 'x' }, [0, 1, Number.POSITIVE_INFINITY], [-1, -0.001]],
    [{ above: 0, what: 'x' }, [0.001], [0, -1]],
    [{ most: 1, what: 'x' }, [1, -5], [1.001]],
    [{ whole: true, what: 'x' }, [1, -2], [0.5, Number.POSITIVE_INFINITY]],
  ])('checkNumber %o', (rule, right, wrong) => {
    for (const each of right) expect(checkNumber('n', each, rule)).toBe(each);
    for (const each of wrong) expect(thrownBy(() => checkNumber('n', each, rule))).toMatch(/^n: .* give x\.$/);
  });

  it('checkString, checkStrings, checkOneOf, checkRecord, checkFunction', () => {
    expect(checkString('s', 'x')).toBe('x');
    expect(thrownBy(() => checkString('s', ''))).toBe('s: "" is not allowed; give a string that is not empty.');
    expect(checkStrings('s', ['x', 'y'], 'texts')).toEqual(['x', 'y']);
    expect(thrownBy(() => checkStrings('s', 'x', 'texts'))).toBe('s: "x" is not allowed; give texts.');
    expect(thrownBy(() => checkStrings('s', ['x', 2], 'texts'))).toMatch(/^s\[1\]: 2 is not allowed/);
    expect(checkOneOf('o', 'b', ['a', 'b'])).toBe('b');
    expect(thrownBy(() => checkOneOf('o', 'c', ['a', 'b']))).toBe('o: "c" is not allowed; give one of "a", "b".');
    expect(checkRecord('r', { a: 1 })).toEqual({ a: 1 });
    for (const wrong of [null, [], 'x', 7, undefined]) expect(thrownBy(() => checkRecord('r', wrong))).toMatch(/^r: /);
    expect(thrownBy(() => checkFunction('f', 7))).toBe('f: 7 is not allowed; give a function.');
    expect(thrownBy(() => checkFunction('f', () => 7))).toBe('nothing');
  });
});

describe('checkKeys', () => {
  it.each<[string, object, string]>([
    ['', { deadlineMS: 1 }, 'deadlineMS: there is no such option; did you mean `deadlineMs`?'],
    ['routes.a', { xyz: 1 }, 'routes.a.xyz: there is no such option; known are deadlineMs, regions'],
    ['', { toString: 1 }, 'toString: there is no such option; known are deadlineMs, regions'],
    ['', { deadlineMs: 1, regions: [] }, 'nothing'],
    ['', {}, 'nothing'],
  ])('%j %o', (path, value, message) => {
    expect(thrownBy(() => checkKeys(path, value, ['deadlineMs', 'regions']))).toBe(message);
  });
});
