/** By name, or in a list. */
export type ApiKeys = Readonly<Record<string, string>> | readonly string[];

const secret = new Set([
  'authorization',
  'proxy-authorization',
  'api-key',
  'x-api-key',
  'x-goog-api-key',
  'cookie',
  'key',
  'api_key',
]);

/** The same headers, or query, with credentials as `***`. */
export function masked(fields: Readonly<Record<string, string>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const name in fields) result[name] = secret.has(name.toLowerCase()) ? '***' : (fields[name] ?? '');
  return result;
}

/** Finds the name of the key that a request came with. */
export class KeyRing {
  readonly #names: ReadonlyMap<string, string>;
  readonly isLocked: boolean;

  constructor(apiKeys: ApiKeys | undefined) {
    this.#names = new Map(Object.entries(apiKeys ?? {}).map(([name, key]) => [key, name]));
    this.isLocked = apiKeys !== undefined;
  }

  nameOf(headers: Readonly<Record<string, string>>): string | undefined {
    const bearer = headers.authorization?.replace(/^bearer\s+/i, '');
    return this.#names.get(bearer ?? '') ?? this.#names.get(headers['api-key'] ?? '');
  }
}
