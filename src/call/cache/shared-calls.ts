import { isSame, type Key, slotOf } from '../../state/question.js';
import type { Call } from '../../types.js';
import { termsOf } from './key.js';
import type { Flight } from './shared-call.js';

type Body = Readonly<Record<string, unknown>>;

/** The runs that an equal call can join: mostly one for a key, and several where their terms differ. */
export class Flights {
  readonly #bySlot = new Map<number | string, Flight[]>();

  /** One with the same terms as this call. They are only written out where there is something to compare. */
  find(key: Key, call: Call, body: Body): Flight | undefined {
    const equal = this.#bySlot.get(slotOf(key))?.filter((flight) => isSame(flight.key, key));
    if (equal === undefined || equal.length === 0) return undefined;
    const terms = termsOf(call, body);
    return equal.find((flight) => flight.terms === terms);
  }

  add(flight: Flight): void {
    const slot = slotOf(flight.key);
    const others = this.#bySlot.get(slot);
    if (others === undefined) this.#bySlot.set(slot, [flight]);
    else others.push(flight);
  }

  remove(flight: Flight): void {
    const slot = slotOf(flight.key);
    const others = this.#bySlot.get(slot)?.filter((each) => each !== flight) ?? [];
    if (others.length === 0) this.#bySlot.delete(slot);
    else this.#bySlot.set(slot, others);
  }
}
