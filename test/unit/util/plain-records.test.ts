import { runInNewContext } from 'node:vm';
import { InvalidOptionError } from 'model-router';
import { describe, expect, it } from 'vitest';
import { checkRecord } from '../../../src/util/check.js';

class Config {
  deadlineMs = 5;
}

describe('a record of options', () => {
  it.each([
    ['an object', { a: 1 }],
    ['one without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['an object of another realm, as under Jest', runInNewContext('({ a: 1 })')],
  ])('may be %s', (_, value) => {
    expect(checkRecord('routes', value)).toBe(value);
  });

  it.each([
    ['a Map', new Map([['a', 1]]), 'routes: an instance of Map is not allowed; give a plain object.'],
    ['a Date', new Date(0), 'routes: an instance of Date is not allowed'],
    ['an instance of a class', new Config(), 'routes: an instance of Config is not allowed'],
    ['an array', [], 'routes: an empty array is not allowed'],
    ['null', null, 'routes: null is not allowed'],
  ])('may not be %s', (_, value, message) => {
    expect(() => checkRecord('routes', value)).toThrow(message);
    expect(() => checkRecord('routes', value)).toThrow(InvalidOptionError);
  });
});
