/** Options in which each absent or `undefined` one has its default. */
export type Filled<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };
