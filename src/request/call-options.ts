import type { OpenAI } from 'openai';
import { InvalidOptionError } from '../errors.js';
import type { SingleCallOptions } from '../options/call-options.js';
import { checkPresent } from '../options/check-call.js';
import { checkRecord } from '../util/check.js';

/** Marks an object that has any. */
const CARRIED = Symbol.for('model-router.callOptions');
/**
 * The router's own options are stored in the SDK's options under symbols, so that spreading keeps them and no other
 * code sees them. Each option has its own symbol, so that a later spread replaces only the options that it sets.
 */
const PREFIX = 'model-router.callOptions.';

/**
 * Options of the router for one call, to be spread into the SDK's own: `create(body, { ...callOptions({ route }),
 * signal })`. Of several that are spread, the last that gives an option wins.
 */
export function callOptions(options: SingleCallOptions): OpenAI.RequestOptions {
  const carried: OpenAI.RequestOptions = {};
  if (options === undefined) return carried;
  const given = checkRecord('callOptions', options, 'an object of options of one call, such as { deadlineMs: 2000 }');
  checkPresent('', given);
  Reflect.set(carried, CARRIED, true);
  for (const [key, value] of Object.entries(given)) Reflect.set(carried, Symbol.for(PREFIX + key), value);
  return carried;
}

/** Without this error, a call whose options are in its body would silently have none: no tenant, no regions. */
export function checkBodyCarriesNone(body: unknown): void {
  if (typeof body === 'object' && body !== null && CARRIED in body)
    throw new InvalidOptionError(
      'callOptions',
      'they are in the body; give them beside it: create(body, callOptions(…)).',
    );
}

/** The options that `callOptions` stored there, unchecked; `undefined` if there are none. */
export function carriedOptions(source: object): SingleCallOptions | undefined {
  if (!(CARRIED in source)) return undefined;
  const given: Record<string, unknown> = {};
  for (const symbol of Object.getOwnPropertySymbols(source)) {
    const key = symbol.description ?? '';
    if (key.startsWith(PREFIX)) given[key.slice(PREFIX.length)] = Reflect.get(source, symbol);
  }
  return given;
}
