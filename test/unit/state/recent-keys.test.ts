import { describe, expect, it } from 'vitest';
import { type Question, RecentKeys } from '../../../src/state/recent-keys.js';
import { canonicalText, jsonCopy } from '../../../src/util/canonical.js';
import fc from '../../helpers/property.js';

const SKIP = new Set(['user']);
const question = (body: Record<string, unknown>, ...rest: unknown[]): Question => ({ body, rest, skip: SKIP });
const hostile: Record<string, unknown> = JSON.parse('{"__proto__":{"a":1},"constructor":"x","toJSON":"y"}');

describe('RecentKeys', () => {
  it('finds an equal question, also one that is another object', () => {
    const recent = new RecentKeys(10_000);
    for (const body of [{ a: [1, { b: 'x' }], c: null }, hostile, {}, { a: undefined }]) {
      recent.add(question(body, 'path', undefined), 'the key');
      expect(recent.find(question(jsonCopy(body), 'path', undefined))).toBe('the key');
      expect(recent.find(question(body, 'path', null))).toBeUndefined();
      expect(recent.find(question(body, 'other', undefined))).toBeUndefined();
    }
  });

  it('knows the same question of several callers at once: none takes the place of another', () => {
    const recent = new RecentKeys(100_000);
    const rests = ['scope', 'path', 'route'].flatMap((what) =>
      [1, 2, 3].map((i) => [what, i, null, undefined, null, null]),
    );
    for (const rest of rests) recent.add(question({ a: 1 }, ...rest), `key of ${rest.join()}`);
    for (const rest of rests) expect(recent.find(question({ a: 1 }, ...rest))).toBe(`key of ${rest.join()}`);
  });

  it('leaves out the names that are in no key', () => {
    const recent = new RecentKeys(10_000);
    recent.add(question({ a: 1, user: 'ann' }), 'the key');
    expect(recent.find(question({ user: 'bob', a: 1 }))).toBe('the key');
    expect(recent.find(question({ a: 1 }))).toBe('the key');
    // Below the first level it is a name like any other.
    recent.add(question({ a: { user: 'ann' } }), 'another');
    expect(recent.find(question({ a: { user: 'bob' } }))).toBeUndefined();
  });

  it('keeps what was asked, not what becomes of it', () => {
    const recent = new RecentKeys(10_000);
    const body = { messages: [{ content: 'x' }] };
    recent.add(question(body), 'the key');
    for (const message of body.messages) message.content = 'y';
    expect(recent.find(question(body))).toBeUndefined();
    expect(recent.find(question({ messages: [{ content: 'x' }] }))).toBe('the key');
  });

  it('knows nothing of what is written in its own way', () => {
    const recent = new RecentKeys(100_000);
    class Own {
      a = 1;
    }
    const odd = [new Date(0), new Own(), Object.assign([1], { toJSON: () => 2 }), { toJSON: () => 3 }, () => 4, 5n];
    const bare: unknown = Object.freeze(Object.assign(Object.create(null), { rawJSON: '1' }));
    for (const value of [...odd, new String('x'), Symbol('x'), new Map(), bare]) {
      recent.add(question({ value }), 'the key');
      expect(recent.find(question({ value }))).toBeUndefined();
    }
  });

  it('never takes two questions for one that have different canonical JSON', () => {
    const leaf = fc.constantFrom<unknown>(
      '',
      'a',
      'b',
      'x'.repeat(40),
      `${'x'.repeat(39)}y`,
      0,
      1,
      -1,
      0.5,
      1e21,
      true,
      null,
    );
    const names = fc.constantFrom('a', 'b', 'user', '__proto__', 'constructor', 'toJSON', '0');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.array(tie('value'), { maxLength: 3 }),
        fc.array(fc.tuple(names, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const body = fc.array(fc.tuple(names, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries));
    let found = 0;
    fc.assert(
      fc.property(fc.array(body, { minLength: 2, maxLength: 12, size: 'max' }), (bodies) => {
        const recent = new RecentKeys(1_000_000);
        for (const each of bodies) {
          const key = canonicalText(each, SKIP) ?? '';
          const known = recent.find(question(each));
          if (known !== undefined) {
            found++;
            expect(known).toBe(key);
          }
          recent.add(question(each), key);
          expect(recent.find(question(jsonCopy(each)))).toBe(key);
        }
      }),
      { numRuns: 500 },
    );
    expect(found).toBeGreaterThan(100);
  });

  it('stays under its bytes, and leaves out what is large', () => {
    const recent = new RecentKeys(50_000);
    for (let i = 0; i < 1000; i++) recent.add(question({ text: `${i}`.padEnd(500) }), `key ${i}`);
    expect(recent.bytes).toBeGreaterThan(25_000);
    expect(recent.bytes).toBeLessThanOrEqual(50_000);
    expect(recent.find(question({ text: '999'.padEnd(500) }))).toBe('key 999');
    expect(recent.find(question({ text: '0'.padEnd(500) }))).toBeUndefined();
    const large = new RecentKeys(1_000_000);
    large.add(question({ text: 'x'.repeat(70_000) }), 'the key');
    expect(large.bytes).toBe(0);
    recent.clear();
    expect(recent.bytes).toBe(0);
  });
});
