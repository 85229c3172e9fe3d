export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text format strictly: an invalid line throws, and so does a series that is repeated or has no type. */
export function readPrometheus(text: string): Series[] {
  const types = new Map<string, string>();
  const seen = new Set<string>();
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  return text
    .slice(0, -1)
    .split('\n')
    .flatMap((line) => {
      const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
      if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
      if (type !== null || /^# HELP [a-z_]+ .+$/.test(line)) return [];
      const [, name, inner, value] =
        /^([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?[\d.e+-]+)$/.exec(line) ?? [];
      if (name === undefined || inner === undefined) throw new Error(`No line of the format: ${line}`);
      const base = name.replace(/_(bucket|sum|count)$/, '');
      if (!types.has(name) && types.get(base) !== 'histogram') throw new Error(`No type: ${name}`);
      const id = `${name}{${inner}}`;
      if (seen.has(id)) throw new Error(`Twice: ${id}`);
      seen.add(id);
      const labels = Object.fromEntries(
        [...inner.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', raw = '']) => [
          label,
          raw.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)),
        ]),
      );
      return [{ name, labels, value: Number(value) }];
    });
}
