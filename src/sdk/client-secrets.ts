import type { OpenAI } from 'openai';
import { isKeyLike } from '../util/key-like.js';
import { optionsOf } from './internals.js';
import { isSecretHeader, secretsOf } from './secret-headers.js';

/** How many of a client's last keys are remembered: an error may quote one that was rotated recently. */
const KEYS_KEPT = 8;

/** The secrets of clients: their current and recent keys, and those in their headers, URL and query. */
export class ClientSecrets {
  readonly #keys = new Map<string, string[]>();
  readonly #fixed: readonly string[];
  /** Increments with each new key. */
  version = 0;

  constructor(readonly clients: ReadonlyMap<string, OpenAI>) {
    this.#fixed = [...clients.values()].flatMap((client) => {
      const { defaultHeaders, defaultQuery } = optionsOf(client);
      return [...secretsOf(defaultHeaders), ...secretsOfQuery(defaultQuery), ...secretsOfUrl(client.baseURL)];
    });
  }

  /** Remembers the current keys. `client` may be a copy of the client of that name. */
  note(name: string, { apiKey, adminAPIKey }: OpenAI): void {
    this.#note(name, apiKey);
    this.#note(name, adminAPIKey);
  }

  #note(name: string, key: unknown): void {
    if (typeof key !== 'string' || key === '') return;
    const known = this.#keys.get(name);
    if (known?.includes(key)) return;
    this.#keys.set(name, [...(known ?? []), key].slice(-KEYS_KEPT));
    this.version++;
  }

  noteAll(): void {
    for (const [name, client] of this.clients) this.note(name, client);
  }

  all(): string[] {
    return [...[...this.#keys.values()].flat(), ...this.#fixed];
  }
}

/** The credentials in a URL's user info, query and path. */
function secretsOfUrl(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { username, password, searchParams, pathname } = new URL(url);
  const user = decoded(username);
  const secrets = [username, user, password, decoded(password)];
  // In the form of Basic authentication.
  if (password !== '') secrets.push(`${user}:${decoded(password)}`);
  const segments = pathname.split('/').flatMap((segment) => [segment, decoded(segment)]);
  return [...secrets.filter((each) => each !== ''), ...segments.filter(isKeyLike), ...secretsOfQuery(searchParams)];
}

/** Values of a query that are credentials by their name or their form. */
export function secretsOfQuery(query: unknown): string[] {
  if (typeof query !== 'object' || query === null) return [];
  const rows: Iterable<readonly [string, unknown]> =
    query instanceof URLSearchParams ? query.entries() : Object.entries(query);
  return [...rows].flatMap(([name, value]) =>
    typeof value === 'string' && (isSecretHeader(name) || isSecretParameter(name) || isKeyLike(value)) ? [value] : [],
  );
}

const isSecretParameter = (name: string) => /^(?:sig|signature|code|x-amz-signature|x-goog-signature)$/i.test(name);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
