import { describe, expect, it, vi } from 'vitest';
import { sleep } from '../../../src/util/sleep.js';
import { pass, useFakeTime, watch } from '../../helpers/clock.js';

useFakeTime();

describe('sleep', () => {
  it('lasts the given time', async () => {
    const slept = watch(sleep(100, undefined));
    await pass(99);
    expect(slept.state).toBe('pending');
    await pass(1);
    expect(slept.state).toBe('fulfilled');
  });

  it('ends with the signal’s reason as soon as it is aborted, and leaves no timer', async () => {
    const controller = new AbortController();
    const slept = watch(sleep(100, controller.signal));
    await pass(50);
    controller.abort('enough');
    await pass(0);
    expect(slept).toMatchObject({ state: 'rejected', error: 'enough', at: 50 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not begin with an aborted signal', async () => {
    const slept = watch(sleep(100, AbortSignal.abort('before')));
    await pass(0);
    expect(slept).toMatchObject({ state: 'rejected', error: 'before' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['in time', 'aborted'])('leaves no listener: %s', async (how) => {
    const controller = new AbortController();
    const add = vi.spyOn(controller.signal, 'addEventListener');
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    const slept = watch(sleep(100, controller.signal));
    if (how === 'aborted') controller.abort();
    await pass(100);
    expect(slept.state).toBe(how === 'aborted' ? 'rejected' : 'fulfilled');
    expect(add).toHaveBeenCalledOnce();
    const [type, listener, options] = add.mock.calls[0] ?? [];
    if (how === 'aborted') expect(options).toMatchObject({ once: true });
    else expect(remove).toHaveBeenCalledWith(type, listener);
  });
});
