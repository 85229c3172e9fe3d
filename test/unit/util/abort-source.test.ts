import { expect, it } from 'vitest';
import { AbortSource } from '../../../src/util/abort-source.js';

it('calls each remaining listener once', () => {
  const source = new AbortSource();
  const calls: string[] = [];
  const removed = () => calls.push('removed');
  source.addEventListener('abort', removed);
  source.addEventListener('abort', () => {
    calls.push(`aborted: ${source.aborted}`);
    source.abort('again');
  });
  source.removeEventListener('abort', removed);
  expect(source.aborted).toBe(false);
  source.abort('first');
  source.abort('second');
  expect(calls).toEqual(['aborted: true']);
  expect(source.reason).toBe('first');
});
