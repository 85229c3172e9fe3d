/** Ids by a number of each, lowest first; equal ones stay in their order. */
export function sortedBy<T extends { readonly id: string }>(deployments: readonly T[], by: (each: T) => number): T[] {
  const keys = new Map(deployments.map((each) => [each, by(each)]));
  return [...deployments].sort((a, b) => compare(keys.get(a) ?? 0, keys.get(b) ?? 0));
}

/** Infinity equals itself here: a difference of two would be NaN. */
const compare = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);
