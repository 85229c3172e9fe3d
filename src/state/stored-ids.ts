import { storableId } from '../util/shown.js';

interface Binding {
  readonly client: string;
  readonly tenant: string | undefined;
}

/**
 * Which client created a stored object, by id. The first creator keeps an id, so another client cannot attract calls
 * that refer to it. When it is full, the tenant with the most ids loses its oldest, so none can evict the ids of
 * others.
 */
export class StoredIds {
  readonly #bindings = new Map<string, Binding>();
  /** Each tenant's ids, oldest first. */
  readonly #idsOf = new Map<string | undefined, Set<string>>();
  /** Tenants by their number of ids, to find the one with the most in constant time. */
  readonly #byCount = new Map<number, Set<string | undefined>>();
  #most = 0;

  constructor(readonly max: number) {}

  get size(): number {
    return this.#bindings.size;
  }

  /** The client that created it. A used id counts as new. */
  makerOf(id: string): string | undefined {
    const binding = this.#bindings.get(id);
    if (binding === undefined) return undefined;
    const ids = this.#idsOf.get(binding.tenant);
    ids?.delete(id);
    ids?.add(id);
    return binding.client;
  }

  remember(given: unknown, client: string, tenant: string | undefined): void {
    const id = storableId(given);
    if (id === undefined || this.makerOf(id) !== undefined) return;
    if (this.#bindings.size >= this.max) this.#evict(tenant);
    this.#bindings.set(id, { client, tenant });
    const ids = this.#idsOf.get(tenant) ?? new Set();
    this.#idsOf.set(tenant, ids);
    ids.add(id);
    this.#count(tenant, ids.size - 1, ids.size);
  }

  /** A tenant with as many as any other loses its own. */
  #evict(newcomer: string | undefined): void {
    const largest = this.#byCount.get(this.#most);
    const [first] = largest ?? [];
    const tenant = largest?.has(newcomer) ? newcomer : first;
    const ids = this.#idsOf.get(tenant);
    const [oldest] = ids ?? [];
    if (ids === undefined || oldest === undefined) return;
    ids.delete(oldest);
    this.#bindings.delete(oldest);
    if (ids.size === 0) this.#idsOf.delete(tenant);
    this.#count(tenant, ids.size + 1, ids.size);
  }

  #count(tenant: string | undefined, before: number, now: number): void {
    const left = this.#byCount.get(before);
    left?.delete(tenant);
    if (left?.size === 0) this.#byCount.delete(before);
    if (now > 0) {
      const joined = this.#byCount.get(now) ?? new Set();
      this.#byCount.set(now, joined.add(tenant));
    }
    if (now > this.#most) this.#most = now;
    else if (!this.#byCount.has(this.#most)) this.#most = now;
  }
}
