import { describe, expect, it } from 'vitest';
import { circumstancesOf, isSame, printOf, type Question, settle } from '../../../src/state/question.js';
import { canonicalText, jsonCopy } from '../../../src/util/canonical.js';
import fc from '../../helpers/property.js';

const SKIP = new Set(['user']);
const MOST = 10_000;

/** As the cache makes it of a call. */
function question(given: Record<string, unknown>, ...values: unknown[]): Question | undefined {
  const body = jsonCopy(given);
  const rest = circumstancesOf([...values], undefined);
  const print = printOf(rest, body, SKIP, MOST);
  return print === undefined ? undefined : { rest, body, skip: SKIP, print };
}

/** One that is kept, and one that is asked. */
function same(kept: Question | undefined, asked: Question | undefined): boolean {
  if (kept === undefined || asked === undefined) throw new Error('It is known by its text.');
  settle(kept);
  return isSame(kept, asked);
}

describe('a question', () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['another object', { a: [1, { b: 'x' }], c: null }, { a: [1, { b: 'x' }], c: null }],
    ['another order of names', { a: 1, b: { c: 2, d: [{ e: 3, f: 4 }] } }, { b: { d: [{ f: 4, e: 3 }], c: 2 }, a: 1 }],
    ['nothing', {}, {}],
    ['what is undefined', { a: 1, b: undefined }, { c: undefined, a: 1 }],
    ['names that are in no key', { a: 1, user: 'ann' }, { user: { name: 'bob' }, a: 1 }],
    ['a zero with a sign', { a: 0 }, { a: -0 }],
    ['a date, as it is written', { a: new Date(0) }, { a: '1970-01-01T00:00:00.000Z' }],
    [
      'an object of a class',
      {
        a: new (class Own {
          b = 1;
        })(),
      },
      { a: { b: 1 } },
    ],
    ['long texts', { a: 'x'.repeat(5000) }, { a: 'x'.repeat(5000) }],
    ['texts of two bytes', { a: '退款政策是什么'.repeat(50) }, { a: '退款政策是什么'.repeat(50) }],
    [
      'names of prototypes',
      JSON.parse('{"__proto__":{"a":"a text that is copied"},"constructor":"x","toJSON":"y"}'),
      JSON.parse('{"toJSON":"y","__proto__":{"a":"a text that is copied"},"constructor":"x"}'),
    ],
  ])('is the same in spite of %s', (_, a, b) => {
    expect(same(question(a, 'path', undefined), question(b, 'path', undefined))).toBe(true);
    expect(same(question(b, 'path'), question(a, 'path'))).toBe(true);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['a name more', { a: 1 }, { a: 1, b: null }],
    ['a name less', { a: 1, b: null }, { a: 1 }],
    ['another type', { a: 1 }, { a: '1' }],
    ['nothing for an object', { a: null }, { a: {} }],
    ['an array for an object', { a: [] }, { a: {} }],
    ['another length', { a: [1, 2] }, { a: [1] }],
    ['a name of no key below the first level', { a: { user: 'ann' } }, { a: { user: 'bob' } }],
    ['an inherited name', { a: {} }, { a: { constructor: Object.prototype.constructor.name } }],
    ['half of a character', { a: '\ud800' }, { a: '\ud801' }],
    ['a byte that a print does not look at', { a: 'ā'.repeat(100) }, { a: `${'ā'.repeat(50)}Ł${'ā'.repeat(49)}` }],
  ])('is another with %s', (_, a, b) => {
    expect(same(question(a), question(b))).toBe(false);
    expect(same(question(b), question(a))).toBe(false);
  });

  it('is another in other circumstances', () => {
    const rests = ['tenant', 'path', 'route'].flatMap((what) =>
      [1, 2, 3].map((i) => [what, i, null, undefined, null, null]),
    );
    for (const [i, a] of rests.entries()) {
      for (const [j, b] of rests.entries())
        expect(same(question({ a: 1 }, ...a), question({ a: 1 }, ...b))).toBe(i === j);
    }
    expect(same(question({}, undefined), question({}, null))).toBe(false);
  });

  it('has the circumstances of the one before, where they are equal', () => {
    const first = circumstancesOf(['path', undefined, ['eu'], { a: '1' }], undefined);
    expect(circumstancesOf(['path', undefined, ['eu'], { a: '1' }], first)).toBe(first);
    for (const values of [['path', null, ['eu'], { a: '1' }], ['path', undefined, ['eu'], { a: '2' }], ['path']]) {
      const other = circumstancesOf(values, first);
      expect(other.values).toEqual(values);
      expect(other.print).not.toBe(first.print);
    }
  });

  it.each<[string, unknown]>([
    ['functions', () => 4],
    ['symbols', Symbol('x')],
    ['bigints', 5n],
    ['numbers that JSON has not', Number.NaN],
    ['raw JSON', Object.freeze(Object.assign(Object.create(null), { rawJSON: '1' }))],
    ['holes', [undefined]],
    ['texts that are too long', 'x'.repeat(MOST + 1)],
    ['too many texts', Array.from({ length: 11 }, () => 'x'.repeat(1000))],
    ['too many short texts', Array.from({ length: 1100 }, () => 'x'.repeat(10))],
    ['names that are too long', { ['x'.repeat(MOST + 1)]: 1 }],
    ['too many numbers', Array.from({ length: 500 }, (_, i) => i)],
    ['too many empty objects', Array.from({ length: 500 }, () => ({}))],
  ])('is known by its text where it has %s', (_, value) => {
    expect(question({ value })).toBeUndefined();
    expect(question({}, value)).toBeUndefined();
  });

  it('has prints that differ with any character of a long text', () => {
    const prints = new Set<number | undefined>();
    const text = 'Where is my order 10000? '.repeat(40);
    for (let at = 0; at < text.length; at++)
      prints.add(question({ text: `${text.slice(0, at)}7${text.slice(at + 1)}` })?.print);
    expect(prints.size).toBe(text.length);
  });

  it.each<[string, (i: number) => Record<string, unknown>]>([
    ['names of one length', (i) => ({ logit_bias: { [50_000 + i]: -100 } })],
    ['values that change places', (i) => ({ a: { [`x${i}`]: 1, [`y${i}`]: 2 } })],
    [
      'a wide character in the middle',
      (i) => ({ a: `${'退款政策'.repeat(10)}${String.fromCharCode(0x4e00 + i)}${'退款政策'.repeat(10)}` }),
    ],
    ['numbers', (i) => ({ temperature: i / 10_000, seed: 2 ** 40 + i })],
    ['elements of a long list', (i) => ({ list: Array.from({ length: 100 }, (_, at) => (at === i % 100 ? i : 0)) })],
  ])('has prints of its own, also beside others with other %s', (_, bodyOf) => {
    const prints = new Set<number | undefined>();
    for (let i = 0; i < 1000; i++) prints.add(question(bodyOf(i))?.print);
    expect(prints.size).toBe(1000);
    const [turned, given] = [question({ a: { x: 1, y: 2 } }), question({ a: { x: 2, y: 1 } })];
    expect(turned?.print).not.toBe(given?.print);
  });

  it('is what it has of its own, whatever all objects have', () => {
    const kept = question({ a: 1 });
    Object.assign(Object.prototype, { b: 2 });
    try {
      expect(same(kept, question({ a: 1 }))).toBe(true);
      expect(same(question({ a: 1, b: 2 }), question({ a: 1 }))).toBe(false);
      expect(same(question({ a: 1 }), question({ a: 1, b: 2 }))).toBe(false);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'b');
    }
  });

  it('is the same exactly if the canonical text is', () => {
    const leaf = fc.constantFrom<unknown>(
      '',
      'a',
      'b',
      'x'.repeat(40),
      `${'x'.repeat(39)}y`,
      'a text of thirteen',
      0,
      1,
      -1,
      0.5,
      1e21,
      true,
      null,
      undefined,
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
    let equal = 0;
    fc.assert(
      fc.property(fc.array(body, { minLength: 2, maxLength: 12, size: 'max' }), (bodies) => {
        for (const a of bodies) {
          for (const b of bodies) {
            const [kept, asked] = [question(a), question(b)];
            if (kept === undefined || asked === undefined) continue;
            const isEqual = canonicalText(a, SKIP) === canonicalText(b, SKIP);
            if (isEqual && a !== b) equal++;
            expect(same(kept, asked)).toBe(isEqual);
            if (isEqual) expect(kept.print).toBe(asked.print);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(equal).toBeGreaterThan(100);
  });

  it('is settled without a change of what it says', () => {
    const texts = [
      'short',
      'a text that is copied',
      'déjà vu, déjà vu',
      '退款政策是什么退款政策是什么',
      `\ud800${'x'.repeat(20)}`,
    ];
    const kept = question({ texts, user: 'ann', n: 1 }, ...texts);
    if (kept === undefined) throw new Error('It is known by its text.');
    settle(kept);
    expect(kept.body).toEqual({ texts, n: 1 });
    expect(kept.body.user).toBeUndefined();
    expect(kept.rest.values).toEqual(texts);
  });
});
