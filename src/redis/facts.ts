import type { FleetFact, FleetHost } from '../state/fleet.js';
import type { FleetSettings } from './options.js';
import type { FactMessage, StoredFact } from './store.js';

const LETTERS = { pause: 'p', suspended: 'c', breaker: 'b' } as const;
const KINDS = { p: 'pause', c: 'suspended', b: 'breaker' } as const;
/** Two times of one fact may differ by this much, because clocks and answers lag. */
const SAME_MS = 250;
/** More than the number of deployments of any router. */
const MAX_FACTS = 10_000;

/** Pauses, suspended clients and open breakers that all processes share. The longest wins. */
export class Facts {
  readonly #share: FleetSettings['share'];
  readonly #host: FleetHost;
  /** The store's last facts, each with its end by this process's clock. */
  #stored = new Map<string, { readonly until: number; readonly localUntil: number }>();

  /** The last facts that this process sent. */
  #sent = new Map<string, number>();

  constructor(share: FleetSettings['share'], host: FleetHost) {
    this.#share = share;
    this.#host = host;
  }

  message(): FactMessage {
    const now = performance.now();
    const current = this.#current();
    const found = [...current].filter(([field, forMs]) => {
      const known = Math.max(this.#stored.get(field)?.localUntil ?? 0, this.#sent.get(field) ?? 0);
      return now + forMs > known + SAME_MS;
    });
    // It ended early in this process: a server answered.
    const ended = [...this.#stored]
      .filter(([field, { localUntil }]) => field.startsWith('p:') && !current.has(field) && localUntil > now + SAME_MS)
      .map(([field, { until }]) => [field, until] as const);
    this.#sent = new Map([...current].map(([field, forMs]) => [field, now + forMs]));
    return { found: found.slice(0, MAX_FACTS), ended };
  }

  onReply(stored: readonly StoredFact[]): void {
    const now = performance.now();
    const before = this.#stored;
    this.#stored = new Map(stored.map(({ field, leftMs, until }) => [field, { until, localUntil: now + leftMs }]));
    const gone = [...before].filter(
      ([field, { localUntil }]) => !this.#stored.has(field) && localUntil > now + SAME_MS,
    );
    this.#host.onFacts(
      stored.flatMap(({ field, leftMs }) => this.#factOf(field, leftMs)),
      gone.flatMap(([field, { localUntil }]) => this.#factOf(field, localUntil - now)),
    );
  }

  /** The exchange failed: the next one sends everything again. */
  onDataLoss(): void {
    this.#sent.clear();
    this.#stored.clear();
  }

  #current(): Map<string, number> {
    const shared = this.#host.facts().filter(({ kind }) => this.#isShared(kind));
    return new Map(shared.map(({ kind, id, forMs }) => [`${LETTERS[kind]}:${id}`, forMs]));
  }

  #factOf(field: string, forMs: number): FleetFact[] {
    const kind = kindOf(field);
    return kind === undefined || !this.#isShared(kind) ? [] : [{ kind, id: field.slice(2), forMs }];
  }

  #isShared(kind: FleetFact['kind']): boolean {
    return kind === 'breaker' ? this.#share.breakers === 'hint' : this.#share.pauses;
  }
}

function kindOf(field: string): FleetFact['kind'] | undefined {
  const [letter] = field;
  return letter === 'p' || letter === 'c' || letter === 'b' ? KINDS[letter] : undefined;
}
