import { InvalidOptionError } from '../errors.js';
import { checkString, checkStrings, invalidOption, show } from '../util/check.js';
import { someOf } from '../util/some-of.js';

/** The existing names: a set, or the keys of a map. */
interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** Checks one name of something that exists. Throws InvalidOptionError. */
export function checkName(option: string, value: unknown, names: Names, what: string): string {
  const name = checkString(option, value, `the name of a ${what}`);
  if (!names.has(name)) invalidOption(option, name, `a ${what} that exists: ${someOf(names.keys())}`);
  return name;
}

/** The same for a list, in which each name may stand once. */
export function checkNames(option: string, value: unknown, known: Names, what: string): string[] {
  const names = checkStrings(option, value, `an array of names of ${what}s`);
  const seen = new Set<string>();
  for (const [i, name] of names.entries()) {
    if (!known.has(name)) checkName(`${option}[${i}]`, name, known, what);
    if (seen.has(name)) throw new InvalidOptionError(`${option}[${i}]`, `${show(name)} is listed twice.`);
    seen.add(name);
  }
  return names;
}
