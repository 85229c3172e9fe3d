/** Sorts ids by a number, lowest first; equal ones stay in their order. */
export function sortedBy<T extends { readonly id: string }>(deployments: readonly T[], by: (each: T) => number): T[] {
  return deployments
    .map((each) => ({ each, key: by(each) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ each }) => each);
}

/** Treats Infinity as equal to itself: a difference would be NaN. */
const compare = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);
