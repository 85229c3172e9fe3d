/** What a string takes: one byte a character, or two as soon as one of them needs it. */
export function textBytes(text: string): number {
  // UTF-8 is as long as the text exactly if all of it is ASCII. Accented letters alone are counted double, to be safe.
  return 24 + (Buffer.byteLength(text) === text.length ? text.length : 2 * text.length);
}

/** What parsed JSON takes in memory, about and rather too much. The names of properties are shared by all values. */
export function heapBytes(value: unknown): number {
  if (typeof value === 'string') return textBytes(value);
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = 64;
  if (Array.isArray(value)) for (const each of value) bytes += 8 + heapBytes(each);
  else for (const each of Object.values(value)) bytes += 24 + heapBytes(each);
  return bytes;
}
