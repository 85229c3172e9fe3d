import { describe, expect, it } from 'vitest';
import { AttemptControl, type EndReason } from '../../../src/state/attempt-control.js';
import fc from '../../helpers/property.js';

const reason = fc.constantFrom<EndReason>('timeout', 'stalled', 'aborted', 'lost', 'closed');
const step = fc.oneof(
  fc.record({ do: fc.constant('end' as const), reason }),
  fc.record({ do: fc.constant('extend' as const), ms: fc.nat(10_000), untilDeadline: fc.boolean() }),
  fc.record({ do: fc.constant('open' as const) }),
  fc.record({ do: fc.constant('wait' as const) }),
  fc.record({ do: fc.constant('answer' as const) }),
);

/** A simple model of a control. */
interface Model {
  time: { timeoutMs: number; untilDeadline: boolean };
  isOver: boolean;
  /** The number of the open request. */
  open: number | undefined;
  isAwaited: boolean;
  closed: number[];
  received: EndReason[];
}

describe('the control of an attempt', () => {
  it('ends it once, aborts its last request, notifies its listeners, and aborts later requests at once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const control = new AttemptControl({ timeoutMs: 500, untilDeadline: false });
        const closed: number[] = [];
        const received: EndReason[] = [];
        const model: Model = {
          time: { timeoutMs: 500, untilDeadline: false },
          isOver: false,
          open: undefined,
          isAwaited: false,
          closed: [],
          received: [],
        };
        steps.forEach((each, number) => {
          if (each.do === 'end') {
            control.end(each.reason);
            if (!model.isOver && model.open !== undefined) model.closed.push(model.open);
            if (!model.isOver && model.isAwaited) model.received.push(each.reason);
            model.isOver = true;
          } else if (each.do === 'extend') {
            control.extend(each.ms, each.untilDeadline);
            model.time = { timeoutMs: each.ms, untilDeadline: each.untilDeadline };
          } else if (each.do === 'open') {
            control.opened(() => closed.push(number));
            if (model.isOver) model.closed.push(number);
            else model.open = number;
          } else {
            control.waiting(each.do === 'wait' ? (reason) => received.push(reason) : undefined);
            model.isAwaited = each.do === 'wait';
          }
          const { timeoutMs, untilDeadline, isOver } = control;
          expect({ time: { timeoutMs, untilDeadline }, isOver, closed, received }).toEqual({
            time: model.time,
            isOver: model.isOver,
            closed: model.closed,
            received: model.received,
          });
        });
      }),
    );
  });
});
