/** Options, once what is absent or `undefined` has its default. */
export type Filled<T> = { [K in keyof T]-?: Exclude<T[K], undefined> };
