import { describe, expect, it } from 'vitest';
import { Events, type RouterEvent } from '../../../src/telemetry/events.js';

const opened: RouterEvent = { type: 'breaker-opened', deployment: 'a', cooldownMs: 10_000 };
const closed: RouterEvent = { type: 'breaker-closed', deployment: 'a' };

describe('Events', () => {
  it('calls the listeners of that type, in the order of their registration', () => {
    const events = new Events();
    const received: unknown[] = [];
    events.on('breaker-opened', (event) => received.push(['first', event]));
    events.on('breaker-opened', (event) => received.push(['second', event]));
    events.on('breaker-closed', (event) => received.push(['other', event]));
    events.emit(opened);
    expect(received).toEqual([
      ['first', opened],
      ['second', opened],
    ]);
  });

  it('reports whether there is a listener', () => {
    const events = new Events();
    expect(events.hasListener('breaker-opened')).toBe(false);
    const off = events.on('breaker-opened', () => {});
    expect([events.hasListener('breaker-opened'), events.hasListener('breaker-closed')]).toEqual([true, false]);
    off();
    expect(events.hasListener('breaker-opened')).toBe(false);
  });

  it('a function added twice is called twice, and removed one at a time', () => {
    const events = new Events();
    let count = 0;
    const listener = () => {
      count += 1;
    };
    const off = events.on('breaker-opened', listener);
    events.on('breaker-opened', listener);
    events.emit(opened);
    expect(count).toBe(2);
    off();
    off();
    events.emit(opened);
    expect(count).toBe(3);
  });

  it('removing one twice removes no other', () => {
    const events = new Events();
    const off = events.on('breaker-opened', () => {});
    off();
    let count = 0;
    events.on('breaker-opened', () => {
      count += 1;
    });
    off();
    events.emit(opened);
    expect(count).toBe(1);
  });

  it('a listener that throws or rejects does not stop the others', async () => {
    const events = new Events();
    const received: unknown[] = [];
    events.on('breaker-opened', () => {
      throw new Error('no');
    });
    events.on('breaker-opened', () => Promise.reject(new Error('no')));
    events.on('breaker-opened', (event) => received.push(event));
    expect(() => events.emit(opened)).not.toThrow();
    await Promise.resolve();
    expect(received).toEqual([opened]);
  });

  it('a listener may remove itself, or add another, while it is called', () => {
    const events = new Events();
    const received: string[] = [];
    const off = events.on('breaker-closed', () => {
      received.push('once');
      off();
      if (received.length < 5) events.on('breaker-opened', () => received.push('added'));
    });
    events.emit(closed);
    events.emit(closed);
    events.emit(opened);
    expect(received).toEqual(['once', 'added']);
  });

  it('after clear no listener is called', () => {
    const events = new Events();
    const received: unknown[] = [];
    const off = events.on('breaker-opened', (event) => received.push(event));
    events.clear();
    events.emit(opened);
    off();
    expect([received, events.hasListener('breaker-opened')]).toEqual([[], false]);
  });
});
