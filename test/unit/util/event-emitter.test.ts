import * as node from 'node:events';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventEmitter } from '../../../src/util/event-emitter.js';

const NAMES = ['a', 'b', Symbol('c')];

type Emitter = EventEmitter | node.EventEmitter;

it('behaves like Node’s emitter', () => {
  const name = fc.constantFrom(...NAMES);
  const number = fc.nat({ max: 3 });
  const step = fc.oneof(
    fc.tuple(fc.constantFrom('on', 'remove', 'count'), name, number),
    fc.tuple(fc.constantFrom('emit', 'countAll', 'clear'), name, number),
    fc.tuple(fc.constant('clearAll'), name, number),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      expect(play(new EventEmitter(), steps)).toEqual(play(new node.EventEmitter(), steps));
    }),
  );
});

it('calls every listener that was registered at the emit, even if one removes the others', () => {
  for (const emitter of [new EventEmitter(), new node.EventEmitter()]) {
    const calls: string[] = [];
    const second = () => calls.push('second');
    emitter.on('a', () => {
      emitter.removeListener('a', second);
      emitter.on('a', () => calls.push('late'));
      calls.push('first');
    });
    emitter.on('a', second);
    emitter.emit('a');
    expect(calls).toEqual(['first', 'second']);
  }
});

function play(emitter: Emitter, steps: [string, string | symbol, number][]): unknown[] {
  const seen: unknown[] = [];
  const listeners = [0, 1, 2, 3].map(
    (number) =>
      function listener(this: unknown, ...args: unknown[]) {
        seen.push(number, this === emitter, args);
      },
  );
  for (const [what, name, number] of steps) {
    const listener = listeners[number];
    if (listener === undefined) continue;
    if (what === 'on') emitter.on(name, listener);
    else if (what === 'remove') emitter.removeListener(name, listener);
    else if (what === 'count') seen.push(emitter.listenerCount(name, listener));
    else if (what === 'countAll') seen.push(emitter.listenerCount(name));
    else if (what === 'clear') emitter.removeAllListeners(name);
    else if (what === 'clearAll') emitter.removeAllListeners();
    else seen.push(emitter.emit(name, number, what));
  }
  return seen;
}
