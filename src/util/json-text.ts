/**
 * `JSON.stringify` of parsed JSON at any depth: `JSON.parse` has no limit, but the engine's own recursive
 * `JSON.stringify` has.
 */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return writeDeep(value);
  }
}

/** Without recursion: a stack of what is still to be written. */
function writeDeep(root: unknown): string {
  const parts: string[] = [];
  const pending: ({ readonly text: string } | { readonly value: unknown })[] = [{ value: root }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('text' in next) {
      parts.push(next.text);
      continue;
    }
    const { value } = next;
    if (typeof value !== 'object' || value === null) {
      parts.push(JSON.stringify(value) ?? 'null');
      continue;
    }
    const isList = Array.isArray(value);
    const entries = Object.entries(value).filter(([, each]) => isList || each !== undefined);
    parts.push(isList ? '[' : '{');
    pending.push({ text: isList ? ']' : '}' });
    for (const [at, [name, each]] of [...entries.entries()].reverse()) {
      pending.push({ value: each });
      const before = at === 0 ? '' : ',';
      pending.push({ text: isList ? before : `${before}${JSON.stringify(name)}:` });
    }
  }
  return parts.join('');
}
