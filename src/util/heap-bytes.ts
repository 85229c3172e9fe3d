/** A character that has no room in one byte. The engine need not look for it in a text that has one byte for each. */
const IS_WIDE = /[\u0100-\uffff]/;

export const isWide = (text: string): boolean => IS_WIDE.test(text);

/** What a string takes: one byte a character, or two as soon as one of them needs it. */
export function textBytes(text: string): number {
  return 24 + (isWide(text) ? 2 * text.length : text.length);
}

/** Of the name of a property, in characters. */
const SHORT = 24;
/** An object that has more names is a table of its own, with names that few others have. */
const FEW = 16;
/** What a name takes there, about, beside its characters. */
const OWN_NAME_BYTES = 128;

/** What parsed JSON takes in memory, about and rather too much. Short names of properties are mostly shared by all values. */
export function heapBytes(value: unknown): number {
  if (typeof value === 'string') return textBytes(value);
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = 64;
  if (Array.isArray(value)) {
    // Numbers are in the array itself only where nothing else is.
    const each = value.every((item) => typeof item === 'number') ? 8 : 24;
    for (const item of value) bytes += each + heapBytes(item);
  } else {
    const entries = Object.entries(value);
    for (const [name, item] of entries) bytes += propertyBytes(name, entries.length) + heapBytes(item);
  }
  return bytes;
}

/** What one of `count` properties takes beside its value. */
export function propertyBytes(name: string, count: number): number {
  if (count > FEW) return 24 + OWN_NAME_BYTES + textBytes(name);
  return name.length > SHORT ? 24 + textBytes(name) : 24;
}
