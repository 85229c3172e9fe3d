import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { SignalHubs } from '../../../src/util/signal-hub.js';

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('the hub of a signal', () => {
  it('is one for each signal', () => {
    const [hubs, a, b] = [new SignalHubs(), new AbortController().signal, new AbortController().signal];
    expect(hubs.of(a)).toBe(hubs.of(a));
    expect(hubs.of(a)).not.toBe(hubs.of(b));
  });

  it('has one listener for all, and none when they are gone', () => {
    const controller = new AbortController();
    const hub = new SignalHubs().of(controller.signal);
    expect(listeners(controller.signal)).toBe(0);
    const all = Array.from({ length: 1000 }, () => vi.fn());
    for (const each of all) hub.addEventListener('abort', each);
    expect(listeners(controller.signal)).toBe(1);
    for (const each of all.slice(1)) hub.removeEventListener('abort', each);
    expect(listeners(controller.signal)).toBe(1);
    hub.removeEventListener('abort', all[0] ?? vi.fn());
    expect(listeners(controller.signal)).toBe(0);
  });

  it('calls each listener once on an abort, except removed ones', () => {
    const controller = new AbortController();
    const hub = new SignalHubs().of(controller.signal);
    const [stays, leaves, again] = [vi.fn(), vi.fn(), vi.fn(() => hub.removeEventListener('abort', stays))];
    for (const each of [again, stays, leaves]) hub.addEventListener('abort', each);
    hub.removeEventListener('abort', leaves);
    controller.abort('why');
    controller.abort();
    expect([stays.mock.calls.length, leaves.mock.calls.length, again.mock.calls.length]).toEqual([1, 0, 1]);
    expect([hub.aborted, hub.reason, listeners(controller.signal)]).toEqual([true, 'why', 0]);
  });
});
