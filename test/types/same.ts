/** `true` if two types are the same, including `any` and `readonly`. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
export function expectTrue<T extends true>(): T | undefined {
  return undefined;
}
