import type { OpenAI } from 'openai';
import { isKeyLike } from '../util/key-like.js';
import { optionsOf } from './internals.js';
import { isSecretHeader, secretsOf } from './secret-headers.js';

/** So many of a client's last keys are known: an error may quote one that was rotated a moment ago. */
const KEYS_KEPT = 8;

/** The secrets of clients: their keys, those that were theirs lately, and those in their headers, URL and query. */
export class ClientSecrets {
  readonly #keys = new Map<string, string[]>();
  readonly #fixed: readonly string[];
  /** Changes with each new key. */
  version = 0;

  constructor(readonly clients: ReadonlyMap<string, OpenAI>) {
    this.#fixed = [...clients.values()].flatMap((client) => {
      const { defaultHeaders, defaultQuery } = optionsOf(client);
      return [...secretsOf(defaultHeaders), ...secretsOfQuery(defaultQuery), ...secretsOfUrl(client.baseURL)];
    });
  }

  /** Remembers the keys of this moment; `client` may be a copy of the one of that name. */
  note(name: string, { apiKey, adminAPIKey }: OpenAI): void {
    for (const key of [apiKey, adminAPIKey]) {
      if (typeof key !== 'string' || key === '') continue;
      const known = this.#keys.get(name);
      if (known?.includes(key)) continue;
      this.#keys.set(name, [...(known ?? []), key].slice(-KEYS_KEPT));
      this.version++;
    }
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
  // As Basic authentication writes them.
  if (password !== '') secrets.push(`${user}:${decoded(password)}`);
  const segments = pathname.split('/').flatMap((segment) => [segment, decoded(segment)]);
  return [...secrets.filter((each) => each !== ''), ...segments.filter(isKeyLike), ...secretsOfQuery(searchParams)];
}

/** The values of a query that its names, or they themselves, say to be credentials. */
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
