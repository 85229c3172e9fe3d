import type { Call } from '../../types.js';
import { termsOf } from './cache-key.js';
import type { Flight } from './flight.js';

type Body = Readonly<Record<string, unknown>>;

/** The runs that an equal call can join: mostly one for a key, and several where their terms differ. */
export class Flights {
  readonly #byKey = new Map<string, Flight[]>();

  /** One with the same terms as this call. They are only written out where there is something to compare. */
  find(key: string, call: Call, body: Body): Flight | undefined {
    const flights = this.#byKey.get(key);
    if (flights === undefined) return undefined;
    const terms = termsOf(call, body);
    return flights.find((flight) => flight.terms === terms);
  }

  add(key: string, flight: Flight): void {
    const flights = this.#byKey.get(key);
    if (flights === undefined) this.#byKey.set(key, [flight]);
    else flights.push(flight);
  }

  remove(key: string, flight: Flight): void {
    const others = this.#byKey.get(key)?.filter((each) => each !== flight) ?? [];
    if (others.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, others);
  }
}
