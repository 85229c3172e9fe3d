import type { FleetFact, FleetHost } from '../state/fleet.js';
import type { FleetSettings } from './options.js';
import type { FactMessage, StoredFact } from './store.js';

const LETTERS = { pause: 'p', suspended: 'c', breaker: 'b' } as const;
const KINDS = { p: 'pause', c: 'suspended', b: 'breaker' } as const;
/** A fact that was heard of is not repeated as news: clocks and answers take a while. */
const SAME_MS = 250;
/** More than any router has deployments. */
const MAX_FACTS = 10_000;

/** Pauses, suspended clients and open breakers, as all processes know them. The longest wins. */
export class Facts {
  readonly #share: FleetSettings['share'];
  readonly #host: FleetHost;
  /** What the store has said last, and until when by this process's clock. */
  #stored = new Map<string, { readonly until: number; readonly localUntil: number }>();

  constructor(share: FleetSettings['share'], host: FleetHost) {
    this.#share = share;
    this.#host = host;
  }

  message(): FactMessage {
    const now = performance.now();
    const held = new Map(
      this.#host
        .facts()
        .filter((fact) => this.#isShared(fact))
        .map((fact) => [`${LETTERS[fact.kind]}:${fact.id}`, fact.forMs]),
    );
    const found = [...held].filter(([field, forMs]) => {
      const stored = this.#stored.get(field);
      return stored === undefined || now + forMs > stored.localUntil + SAME_MS;
    });
    // It was over here before its time: a server has answered.
    const ended = [...this.#stored]
      .filter(([field, { localUntil }]) => field.startsWith('p:') && !held.has(field) && localUntil > now + SAME_MS)
      .map(([field, { until }]) => [field, until] as const);
    return { found: found.slice(0, MAX_FACTS), ended };
  }

  onReply(stored: readonly StoredFact[]): void {
    const now = performance.now();
    this.#stored = new Map(stored.map(({ field, leftMs, until }) => [field, { until, localUntil: now + leftMs }]));
    const facts = stored.flatMap(({ field, leftMs }): FleetFact[] => {
      const kind = kindOf(field);
      return kind === undefined ? [] : [{ kind, id: field.slice(2), forMs: leftMs }];
    });
    this.#host.onFacts(facts.filter((fact) => this.#isShared(fact)));
  }

  #isShared({ kind }: FleetFact): boolean {
    return kind === 'breaker' ? this.#share.breakers === 'hint' : this.#share.pauses;
  }
}

function kindOf(field: string): FleetFact['kind'] | undefined {
  const [letter] = field;
  return letter === 'p' || letter === 'c' || letter === 'b' ? KINDS[letter] : undefined;
}
