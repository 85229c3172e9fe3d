import { expect, it } from 'vitest';
import { answersOf, checkLimits, outputLimitOf } from '../../../src/protocol/output-limit.js';

/** The names that are read of a body. */
function namesRead(body: object, read: (body: object) => unknown): string[] {
  const names: string[] = [];
  const get = (target: object, name: string, receiver: unknown): unknown => {
    names.push(name);
    return Reflect.get(target, name, receiver);
  };
  read(new Proxy(body, { get } as ProxyHandler<object>));
  return names;
}

it.each([
  ['checkLimits', checkLimits],
  ['outputLimitOf', outputLimitOf],
  ['answersOf', answersOf],
])('%s reads only the counts that a body sets', (_, read) => {
  expect(namesRead({ model: 'm', messages: [], temperature: 1 }, read)).toEqual([]);
  expect(namesRead({ model: 'm', max_tokens: 5, n: 2 }, read)).toEqual(['max_tokens', 'n']);
});

it('counts are also read inside the objects where some servers read them, and no deeper', () => {
  expect(outputLimitOf({ max_tokens: 5, extra_body: { max_new_tokens: 9 } })).toBe(9);
  expect(outputLimitOf({ parameters: { options: { max_tokens: 9 } } })).toBeUndefined();
  expect(answersOf({ n: 2, generationConfig: { candidateCount: 4 } })).toBe(4);
});
