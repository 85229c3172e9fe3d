import { show } from './check.js';

const MAX_SHOWN = 8;

/** The first few names; a router may have thousands. */
export function someOf(names: Iterable<string>): string {
  const all = [...names];
  const more = all.length > MAX_SHOWN ? ` and ${all.length - MAX_SHOWN} more` : '';
  return `${all.slice(0, MAX_SHOWN).map(show).join(', ') || 'none'}${more}`;
}
