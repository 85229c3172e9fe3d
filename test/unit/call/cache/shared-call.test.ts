import { expect, it } from 'vitest';
import { SharedCall } from '../../../../src/call/cache/shared-call.js';
import { SharedCalls } from '../../../../src/call/cache/shared-calls.js';
import type { Call } from '../../../../src/types.js';

/** The parts of a call that a shared call uses. */
const call = {
  deadline: performance.now() + 60_000,
  settings: { deadlineMs: 60_000 },
  record: { attempts: [] },
  stream: false,
} as unknown as Call;

/** A shared call whose next layer throws at once. */
const broken = (isRefresh: boolean, onOver: () => void) =>
  new SharedCall({
    call,
    body: {},
    source: undefined,
    next: () => {
      throw new TypeError('a broken layer');
    },
    isRefresh,
    onReply: () => {},
    onOver,
  });

it('a layer that throws at once ends the shared call: its caller gets the error, and no other call joins it', async () => {
  const calls = new SharedCalls();
  let ends = 0;
  const shared: SharedCall = broken(false, () => {
    ends++;
    calls.remove('key', shared);
  });
  calls.add('key', shared);
  const { reply } = shared.join(call);
  const rejected = expect(reply).rejects.toThrow('a broken layer');
  shared.start();
  await rejected;
  expect(ends).toBe(1);
  expect(calls.find('key')).toBeUndefined();
});

it('a refresh that a layer ends at once is done', async () => {
  const shared = broken(true, () => {});
  shared.start();
  await shared.done;
  expect(shared.canBeJoined).toBe(false);
});
