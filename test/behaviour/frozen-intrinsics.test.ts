import { callRecord } from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const outcomes = (holder: unknown) => callRecord(holder)?.attempts.map(({ outcome }) => outcome);

/** As with `node --frozen-intrinsics`, where an assignment throws. */
describe('where Error.stackTraceLimit cannot be changed', () => {
  beforeEach(() => void Object.defineProperty(Error, 'stackTraceLimit', { writable: false }));
  afterEach(() => void Object.defineProperty(Error, 'stackTraceLimit', { writable: true }));

  it('a call fails over', async () => {
    const { router } = build({ a: fail(503), b: answer() });
    expect(outcomes((await settled(sendChat(router))).value)).toEqual(['server-error', 'success']);
  });

  it('a hedge wins', async () => {
    const { router } = build({ a: hang(), b: answer() }, { hedgeAfterMs: 500 });
    expect(outcomes((await settled(sendChat(router))).value)).toEqual(['lost', 'success']);
  });
});
