import { randomHex } from '../util/random-hex.js';
import { checkState, type ProcessState, type RouterState, type StateStore } from './router-state.js';
import { trimmed } from './service-history.js';
import type { ServiceLevel } from './service-level.js';
import { isLive, type SpendLedger } from './spend-ledger.js';

/** Counts are stored at most this often. Spending is stored before it is spent. */
const SAVE_MS = 10_000;
/** The largest share of time to use for storing. */
const MOST_SHARE = 0.001;
const WARN_MS = 60_000;
/** Older parts of processes contain nothing that is still shown. */
const MAX_AGE_MS = 400 * 86_400_000;
/** How many parts are remembered, the latest ones. */
const MAX_PROCESSES = 2000;

export interface StateParts {
  readonly store: StateStore | undefined;
  readonly deployments: () => Iterable<readonly [string, ServiceLevel]>;
  readonly routes: () => Iterable<readonly [string, ServiceLevel]>;
  readonly ledger: SpendLedger | undefined;
}

/** Keeps a router's state across restarts: imports the parts of other processes, and stores its own. */
export class StateKeeper {
  /** The parts of the current configuration. */
  #parts: StateParts = { store: undefined, deployments: () => [], routes: () => [], ledger: undefined };
  /** Service levels that have the imported state. */
  readonly #informed = new WeakSet<ServiceLevel>();
  readonly #others = new Map<string, ProcessState>();
  #process: string | undefined;
  #seq = 0;
  #isStarted = false;
  #saveAt = 0;
  #warnAt = 0;

  constructor(private readonly warn: (line: string) => void) {}

  /** Attaches a new configuration: new parts get the imported state, and the others continue. */
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

  /** Reads the stored state, at the first call. */
  start(): void {
    const { store } = this.#parts;
    if (this.#isStarted || store === undefined) return;
    this.#isStarted = true;
    for (const state of this.#try('read', () => store.load((line) => this.#warn(line))) ?? [])
      this.#try('read', () => this.import(checkState('state', state)));
    // Spending is appended to this entry, so it must exist first.
    this.#save();
    this.#writeAhead();
  }

  /** Called after a count. */
  changed(): void {
    if (this.#isStarted && performance.now() >= this.#saveAt) this.#save();
  }

  /** Writes nothing ahead any more: the stored state is what was spent, plus what running calls may still cost. */
  close(): void {
    const { ledger, store } = this.#parts;
    if (!this.#isStarted || store === undefined) return;
    if (ledger !== undefined) ledger.onSpendAhead = undefined;
    this.#try('written', () => store.save(this.#id(), this.export()));
  }

  export(): RouterState {
    return this.#export(false);
  }

  /** Imports the parts of other processes that are newer than the known ones. */
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

  /** A deployment that did not exist when states were imported: a client's unlisted models. */
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

  /** Drawn when first needed, because Workers allow no random values at module scope. */
  #id(): string {
    this.#process ??= randomHex();
    return this.#process;
  }

  /** A full disk must not fail a call. */
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
    this.warn(line);
  }
}

/** Drops data that is no longer shown, so that the parts of ended processes stay small. */
function withoutOld(part: ProcessState): ProcessState {
  const services = (all: ProcessState['routes']) =>
    Object.fromEntries(Object.entries(all).map(([name, state]) => [name, { ...state, ...trimmed(state, Date.now()) }]));
  const spend = part.spend.filter((entry) => isLive(entry, Date.now()));
  return { ...part, deployments: services(part.deployments), routes: services(part.routes), spend };
}

function take(service: ServiceLevel, process: string, state: ProcessState['deployments'][string] | undefined): void {
  if (state !== undefined) service.import(process, state);
}
