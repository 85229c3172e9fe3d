import { asNumber, type JsonObject } from './json.js';

/** The limit of stored objects per kind, so that a long test does not grow. */
const most = 10_000;

/** Objects of one kind by id, in the order of their creation. */
class Shelf<Item = JsonObject> {
  readonly #items = new Map<string, Item>();

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  /** Adds a new object at the end, and replaces an existing one in place. */
  add(id: string, item: Item): Item {
    this.#items.set(id, item);
    if (this.#items.size > most) {
      const [oldest] = this.#items.keys();
      if (oldest !== undefined) this.#items.delete(oldest);
    }
    return item;
  }

  delete(id: string): boolean {
    return this.#items.delete(id);
  }

  values(): Item[] {
    return [...this.#items.values()];
  }
}

/** Stored objects of an account. */
export class Store {
  readonly responses = new Shelf();
  /** The final form of background responses. */
  readonly backgroundResponses = new Shelf();
  readonly inputItems = new Shelf<readonly JsonObject[]>();
  readonly completions = new Shelf();
  readonly messages = new Shelf<readonly JsonObject[]>();
  readonly conversations = new Shelf();
  readonly conversationItems = new Shelf<readonly JsonObject[]>();
  readonly files = new Shelf();
  readonly fileContents = new Shelf<Uint8Array>();
  readonly batches = new Shelf();
  readonly jobs = new Shelf();
  readonly vectorStores = new Shelf();
}

/** One page of a list, by OpenAI's `after`, `limit` and `order`. */
export function page(items: readonly JsonObject[], query: Readonly<Record<string, string>>, limit = 20): JsonObject {
  const ordered = query.order === 'asc' ? items : items.toReversed();
  const start = query.after === undefined ? 0 : ordered.findIndex((item) => item.id === query.after) + 1;
  const end = start + Math.max(1, asNumber(query.limit) ?? limit);
  const data = ordered.slice(start, end);
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: end < ordered.length,
  };
}
