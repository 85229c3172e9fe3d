import { InvalidOptionError } from '../errors.js';
import { CALL_KEYS, checkValues, NEVER_UNDEFINED, type Priorities, type SingleCallOptions } from './call-options.js';
import { checkPlaces } from './option-places.js';

/**
 * Checks the options of a call, wherever they were set. `path` precedes their names in a message.
 *
 * @throws InvalidOptionError
 */
export function checkCall<T extends SingleCallOptions>(
  path: string,
  options: T,
  priorities: Priorities,
  keys: readonly string[] = CALL_KEYS,
): T {
  checkPlaces(path, options, keys);
  checkValues(path, options, priorities);
  return options;
}

/** `undefined` is ignored, except for a tenant or regions, which may be missing by mistake. Throws InvalidOptionError. */
export function checkPresent(path: string, options: object): void {
  for (const [name, what] of NEVER_UNDEFINED) {
    if (!(name in options) || Reflect.get(options, name) !== undefined) continue;
    throw new InvalidOptionError(
      path === '' ? name : `${path}.${name}`,
      `it is set to undefined; is the ${what} missing? Leave it out if there is none.`,
    );
  }
}
