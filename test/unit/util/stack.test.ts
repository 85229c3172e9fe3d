import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { stackLater, stackless, withoutStacks, withStack } from '../../../src/util/stack.js';

it('makes errors without a stack, and leaves the limit of stacks as it was', () => {
  const { stackTraceLimit } = Error;
  expect(stackless(() => new Error('None')).stack).toBe('Error: None');
  expect(() =>
    stackless(() => {
      throw new RangeError('Refused');
    }),
  ).toThrow('Refused');
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});

it('captures a stack once', () => {
  const error = withStack(stackLater(() => new TypeError('Late')));
  expect(error.stack).toMatch(/^TypeError: Late\n.*stack\.test/);
  const { stack } = error;
  expect(withStack(error).stack).toBe(stack);
});

it('makes errors where built-in objects are frozen', () => {
  const made: unknown = runInNewContext(`"use strict"; Object.freeze(Error);
    const restore = (${withoutStacks})(); const made = new Error('Made'); restore(); made`);
  expect(made).toMatchObject({ message: 'Made' });
});
