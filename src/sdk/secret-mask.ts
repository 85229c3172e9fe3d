import { encodeBase64 } from '../util/base64.js';

/** A shorter text is not a key, and masking it would only garble an upstream's message. */
const SHORTEST_SECRET = 6;

interface Form {
  /** The secret that this form encodes. */
  readonly secret: string;
  /** Whether the rest of a base64 text belongs to it. */
  readonly isBase64: boolean;
}

/** Forms with the same beginning, by their length, longest first. */
type Bucket = { length: number; forms: Map<string, Form> }[];

/**
 * Replaces secrets by `***` in one pass over a text, however many there are. It finds a secret unchanged, trimmed,
 * percent-encoded, escaped as in JSON, and in base64.
 */
export class SecretMask {
  readonly #buckets = new Map<string, Bucket>();
  readonly #firsts = new Set<number>();

  constructor(secrets: Iterable<string>) {
    for (const given of secrets) {
      const secret = given.trim();
      if (secret.length < SHORTEST_SECRET) continue;
      for (const text of plainForms(secret)) this.#add(text, { secret, isBase64: false });
      const encoded = base64Start(secret);
      this.#add(encoded, { secret, isBase64: true });
      this.#add(encoded.replaceAll('+', '-').replaceAll('/', '_'), { secret, isBase64: true });
    }
    for (const bucket of this.#buckets.values()) bucket.sort((a, b) => b.length - a.length);
  }

  /** `except`: a word that is not a secret in this text, such as the model of the call. */
  mask(text: string, except?: string): string {
    let masked = '';
    let from = 0;
    let at = 0;
    while (at + SHORTEST_SECRET <= text.length) {
      const length = this.#firsts.has(text.charCodeAt(at)) ? this.#lengthAt(text, at, except) : 0;
      if (length === 0) {
        at++;
        continue;
      }
      masked += `${text.slice(from, at)}***`;
      at += length;
      from = at;
    }
    return from === 0 ? text : masked + text.slice(from);
  }

  /** The length of the secret that starts here. */
  #lengthAt(text: string, at: number, except: string | undefined): number {
    const bucket = this.#buckets.get(text.slice(at, at + SHORTEST_SECRET));
    if (bucket === undefined) return 0;
    for (const { length, forms } of bucket) {
      const form = forms.get(text.slice(at, at + length));
      if (form === undefined || form.secret === except) continue;
      return form.isBase64 ? endOfBase64(text, at + length) - at : length;
    }
    return 0;
  }

  #add(text: string, form: Form): void {
    if (text.length < SHORTEST_SECRET) return;
    this.#firsts.add(text.charCodeAt(0));
    const start = text.slice(0, SHORTEST_SECRET);
    const bucket = this.#buckets.get(start) ?? [];
    this.#buckets.set(start, bucket);
    let known = bucket.find(({ length }) => length === text.length);
    if (known === undefined) {
      known = { length: text.length, forms: new Map() };
      bucket.push(known);
    }
    if (!known.forms.has(text)) known.forms.set(text, form);
  }
}

function plainForms(secret: string): Set<string> {
  const percent = percentEncoded(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  return new Set([
    secret,
    percent,
    percent.replace(/%[\dA-F]{2}/g, (byte) => byte.toLowerCase()),
    json,
    json.replaceAll('/', '\\/'),
  ]);
}

function percentEncoded(secret: string): string {
  try {
    return encodeURIComponent(secret);
  } catch {
    // Half of a surrogate pair can be neither encoded nor sent.
    return secret;
  }
}

/** The part of its base64 that does not depend on the following text. */
function base64Start(secret: string): string {
  const bytes = new TextEncoder().encode(secret);
  return encodeBase64(bytes.subarray(0, bytes.length - (bytes.length % 3)));
}

function endOfBase64(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[\w+/=-]/.test(text.charAt(at))) at++;
  return at;
}
