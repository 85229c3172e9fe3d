import { randomHex } from '../util/random-hex.js';
import { checkState, type ProcessState, type RouterState, type StateStore } from './router-state.js';
import { trimmed } from './service-history.js';
import type { ServiceLevel } from './service-level.js';
import { isLive, type SpendLedger } from './spend-ledger.js';

/** Counts are stored at most this often; what is spent, before it is spent. */
const SAVE_MS = 10_000;
/** Of the time, at most this share goes into storing. */
const MOST_SHARE = 0.001;
const WARN_MS = 60_000;
/** Parts of processes that are this old say nothing that is still shown. */
const MAX_AGE_MS = 400 * 86_400_000;
/** So many parts are remembered, the latest. */
const MAX_PROCESSES = 2000;

export interface StateParts {
  readonly store: StateStore | undefined;
  readonly deployments: () => Iterable<readonly [string, ServiceLevel]>;
  readonly routes: () => Iterable<readonly [string, ServiceLevel]>;
  readonly ledger: SpendLedger | undefined;
}

/** What the router remembers over restarts: takes in what others have counted and spent, and stores its own. */
export class StateKeeper {
  /** Those of the configuration that is in force. */
  #parts: StateParts = { store: undefined, deployments: () => [], routes: () => [], ledger: undefined };
  /** Those that have what was imported. */
  readonly #informed = new WeakSet<ServiceLevel>();
  readonly #others = new Map<string, ProcessState>();
  #process: string | undefined;
  #seq = 0;
  #isStarted = false;
  #saveAt = 0;
  #warnAt = 0;

  constructor(private readonly warn: (line: string) => void) {}

  /** A new configuration: what is new in it learns what was imported, and the rest goes on. */
  attach(parts: StateParts): void {
    const before = this.#parts;
    this.#parts = parts;
    for (const [process, part] of this.#others) {
      this.#inform(process, part, (service) => !this.#informed.has(service));
      if (parts.ledger !== before.ledger) parts.ledger?.import(process, part.spend);
    }
    for (const [, service] of [...parts.deployments(), ...parts.routes()]) this.#informed.add(service);
    if (this.#isStarted) this.#writeAhead();
  }

  /** Reads what is stored, with the first call. */
  start(): void {
    const { store } = this.#parts;
    if (this.#isStarted || store === undefined) return;
    this.#isStarted = true;
    for (const state of this.#try('read', () => store.load((line) => this.#warn(line))) ?? [])
      this.#try('read', () => this.import(checkState('state', state)));
    // Before anything is spent, there is something to add entries to.
    this.#save();
    this.#writeAhead();
  }

  /** Something was counted. */
  changed(): void {
    if (this.#isStarted && performance.now() >= this.#saveAt) this.#save();
  }

  /** Nothing is written ahead any more: what is stored is what was spent, and what calls that are running may yet cost. */
  close(): void {
    const { ledger, store } = this.#parts;
    if (!this.#isStarted || store === undefined) return;
    if (ledger !== undefined) ledger.onSpendAhead = undefined;
    this.#try('written', () => store.save(this.#id(), this.export()));
  }

  export(): RouterState {
    return this.#export(false);
  }

  /** Takes in the parts of other processes that are newer than what is known of them. */
  import(state: RouterState): void {
    for (const [process, part] of Object.entries(state.processes)) {
      const known = this.#others.get(process);
      if (process === this.#process || (known !== undefined && known.seq >= part.seq)) continue;
      if (!(Date.parse(part.at) > Date.now() - MAX_AGE_MS)) continue;
      this.#others.set(process, withoutOld(part));
      this.#inform(process, part, () => true);
      this.#parts.ledger?.import(process, part.spend);
    }
    this.#forgetOldest();
  }

  /** A deployment that was not known when states were imported: one of a client's unlisted models. */
  addDeployment(id: string, service: ServiceLevel): void {
    for (const [process, part] of this.#others) take(service, process, part.deployments[id]);
    this.#informed.add(service);
  }

  #inform(process: string, part: ProcessState, isMeant: (service: ServiceLevel) => boolean): void {
    const { deployments, routes } = this.#parts;
    for (const [id, service] of deployments()) if (isMeant(service)) take(service, process, part.deployments[id]);
    for (const [name, service] of routes()) if (isMeant(service)) take(service, process, part.routes[name]);
  }

  #writeAhead(): void {
    const { store, ledger } = this.#parts;
    if (store === undefined || ledger === undefined) return;
    const process = this.#id();
    ledger.onSpendAhead = (entry) => this.#try('written', () => store.append(process, entry));
  }

  #forgetOldest(): void {
    if (this.#others.size <= MAX_PROCESSES) return;
    const oldest = [...this.#others].sort(([, a], [, b]) => (a.at < b.at ? -1 : 1));
    for (const [process] of oldest.slice(0, oldest.length - MAX_PROCESSES)) this.#others.delete(process);
  }

  #export(asWritten: boolean): RouterState {
    const { deployments, routes, ledger } = this.#parts;
    const states = (all: Iterable<readonly [string, ServiceLevel]>) =>
      Object.fromEntries(Array.from(all, ([name, service]) => [name, service.state()]));
    this.#seq++;
    const own: ProcessState = {
      seq: this.#seq,
      at: new Date().toISOString(),
      deployments: states(deployments()),
      routes: states(routes()),
      spend: ledger?.entries(asWritten) ?? [],
    };
    return { version: 1, processes: { ...Object.fromEntries(this.#others), [this.#id()]: own } };
  }

  #save(): void {
    const { store } = this.#parts;
    if (store === undefined) return;
    const startedAt = performance.now();
    this.#try('written', () => store.save(this.#id(), this.#export(true)));
    const now = performance.now();
    this.#saveAt = now + Math.max(SAVE_MS, (now - startedAt) / MOST_SHARE);
  }

  /** Drawn when it is first needed: Workers allow no random values at module scope. */
  #id(): string {
    this.#process ??= randomHex();
    return this.#process;
  }

  /** A disk that is full fails no call. */
  #try<T>(what: 'read' | 'written', action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.#warn(`the state cannot be ${what}: ${error instanceof Error ? error.message : 'unknown error'}`);
      return undefined;
    }
  }

  #warn(line: string): void {
    const now = performance.now();
    if (now < this.#warnAt) return;
    this.#warnAt = now + WARN_MS;
    this.warn(`model-router ${line}`);
  }
}

/** Without what is no longer shown: the parts of processes that are gone stay small. */
function withoutOld(part: ProcessState): ProcessState {
  const services = (all: ProcessState['routes']) =>
    Object.fromEntries(Object.entries(all).map(([name, state]) => [name, { ...state, ...trimmed(state, Date.now()) }]));
  const spend = part.spend.filter((entry) => isLive(entry, Date.now()));
  return { ...part, deployments: services(part.deployments), routes: services(part.routes), spend };
}

function take(service: ServiceLevel, process: string, state: ProcessState['deployments'][string] | undefined): void {
  if (state !== undefined) service.import(process, state);
}
