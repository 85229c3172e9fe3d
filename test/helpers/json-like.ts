// Random JSON, and the same in other forms that `JSON.stringify` writes alike.
import fc from './property.js';

/** Not yet among TypeScript's own types. */
export const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };

export const runs = { numRuns: process.env.DRILLS === 'full' ? 20_000 : 1000 };

/** Texts that look like what is written around them, in few shapes: they are often nearly the same. */
const text = fc
  .array(
    fc.constantFrom('"', ':', '1', '2', '{', '[', '\b', '\n', '\u0002', '\u0004', '\\', 'é', '😀', '\ud800', '\udc00'),
    {
      maxLength: 3,
    },
  )
  .map((units) => units.join(''));

const { value: alike } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.constantFrom(0, 1, -1, 0.5, true, false, null),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3 }),
  ),
}));

/** Any JSON, or such that two are often alike. */
export const json: fc.Arbitrary<unknown> = fc.oneof(fc.jsonValue(), alike);

/** With the keys of its objects in another order. `picks` are random numbers. */
export function shuffled(value: unknown, picks: readonly number[]): unknown {
  const next = picker(picks);
  const shuffle = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(shuffle);
    if (typeof each !== 'object' || each === null) return each;
    const entries = Object.entries(each).map(([key, inner]) => [key, shuffle(inner), next()] as const);
    return Object.fromEntries(entries.sort((a, b) => a[2] - b[2]));
  };
  return shuffle(value);
}

/** In forms that JSON converts: of a class, boxed, with a `toJSON`, with members that it omits. */
export function disguised(value: unknown, picks: readonly number[]): unknown {
  const next = picker(picks);
  const disguise = (each: unknown): unknown => {
    if (Array.isArray(each)) {
      const list = each.map(disguise);
      return next() % 6 === 0 ? withToJson(list) : list;
    }
    if (typeof each === 'object' && each !== null) return disguisedObject(each, disguise, next() % 6);
    const how = next() % 4;
    if (how === 0) return { toJSON: () => each };
    if (how === 1 && each === null) return Number.NaN;
    if (how === 1 && each !== null) return Object(each);
    return each;
  };
  return disguise(value);
}

function disguisedObject(object: object, disguise: (value: unknown) => unknown, how: number): unknown {
  const copy = Object.fromEntries(Object.entries(object).map(([key, each]) => [key, disguise(each)]));
  // Its own `toJSON` must stay what it is: a value, and no function.
  if (how === 0 && !('toJSON' in object)) return withToJson(copy);
  if (how === 1) return Object.setPrototypeOf(copy, null);
  if (how === 2) return Object.setPrototypeOf(copy, { inherited: 1 });
  if (how === 3) return { ...copy, [`omitted ${JSON.stringify(object)}`]: undefined };
  if (how === 4) return { ...copy, [`omitted ${JSON.stringify(object)}`]: { toJSON: () => undefined } };
  return copy;
}

/** Converted to itself: JSON converts it once. */
export function withToJson<T extends object>(value: T): T {
  return Object.assign(value, {
    toJSON() {
      return this;
    },
  });
}

function picker(picks: readonly number[]): () => number {
  let at = 0;
  return () => picks[at++ % picks.length] ?? 0;
}
