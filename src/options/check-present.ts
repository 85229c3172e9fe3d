import { InvalidOptionError } from '../errors.js';

/** What keeps tenants and regions apart: left out by mistake, a call would be everybody's. */
const NEVER_UNDEFINED = ['tenant', 'regions'] as const;

/** Any other option may be there and undefined, and then says nothing. Throws InvalidOptionError. */
export function checkPresent(path: string, options: object): void {
  for (const name of NEVER_UNDEFINED) {
    if (!(name in options) || Reflect.get(options, name) !== undefined) continue;
    throw new InvalidOptionError(
      path === '' ? name : `${path}.${name}`,
      `it is there, but undefined; is the ${name === 'tenant' ? 'tenant' : 'region'} missing? Leave it out where there is none.`,
    );
  }
}
