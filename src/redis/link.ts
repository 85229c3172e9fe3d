import type { FleetAllowance, FleetHost, FleetLink, SharedBudget, SharedRate } from '../state/fleet.js';
import { toNano } from '../util/money.js';
import { patientTimer } from '../util/patient-timer.js';
import { randomHex } from '../util/random-hex.js';
import { sha256 } from '../util/sha256.js';
import { BudgetAllowance } from './budget-allowance.js';
import type { Claimant, ClaimantHost } from './claimant.js';
import { Facts } from './facts.js';
import type { LedgerRules } from './ledger/ledger.js';
import type { FleetSettings } from './options.js';
import { RateAllowance } from './rate-allowance.js';
import { SCRIPT_VERSION } from './script.js';
import type { FleetReply, FleetStore, KeyedClaim } from './store.js';

/** After this many failures in a row, only heartbeats are sent. */
const FAILURES_TO_OPEN = 5;
/** Claims per exchange. */
const MAX_CLAIMS = 200;
/** Exchanges per heartbeat: further budgets take turns. */
const MAX_EXCHANGES = 5;
/** An exchange without an answer blocks at most this many heartbeats. */
const MAX_HELD_BEATS = 10;
/** The ledger counts as silent after this many heartbeats without an answer. */
const SILENT_BEATS = 2.5;

/** A claim that is sent before the next heartbeat, because a call waits for its answer. */
interface UrgentClaim {
  readonly claimant: Claimant;
  readonly resolve: (isAnswered: boolean) => void;
}

/** A router's connection to its fleet: one exchange at a time, a heartbeat, and its own breaker. */
export class StoreLink implements FleetLink, ClaimantHost {
  readonly sharesBudgets: boolean;
  readonly sharesRates: boolean;
  readonly #store: FleetStore;
  readonly #settings: FleetSettings;
  readonly #host: FleetHost;
  readonly #facts: Facts;
  readonly #claimants = new Set<Claimant>();
  readonly #rates = new Map<string, RateAllowance>();
  /** One counter for all claims of this process, so that a reopened budget continues its sequence. */
  #seq = 0;
  /** Where the last heartbeat stopped, if there were too many. */
  #turn = 0;
  #worker = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: 'idle' | 'running' | 'closed' = 'idle';
  readonly #urgent: UrgentClaim[] = [];
  /** Claims that were answered before. When `#repeatTimer` fires, they are sent again together. */
  readonly #repeated: UrgentClaim[] = [];
  #repeatTimer: ReturnType<typeof setTimeout> | undefined;
  #isBusy = false;
  /** Whether facts must be sent before the next heartbeat. */
  #isNudged = false;
  /** Exchanges without an answer or error yet, and heartbeats skipped because of them. */
  #unanswered = 0;
  #skipped = 0;
  #failures = 0;
  #wasReached = false;
  #reachedAt = Number.NEGATIVE_INFINITY;
  #epoch: string | undefined;
  readonly #warned = new Set<string>();

  constructor(store: FleetStore, settings: FleetSettings, host: FleetHost) {
    this.#store = store;
    this.#settings = settings;
    this.#host = host;
    this.sharesBudgets = settings.share.budgets;
    this.sharesRates = settings.share.rates;
    this.#facts = new Facts(settings.share, host);
  }

  get settings(): FleetSettings {
    return this.#settings;
  }

  get isSilent(): boolean {
    if (this.#failures > 0) return true;
    return performance.now() - this.#reachedAt > SILENT_BEATS * this.#settings.heartbeatMs;
  }

  get isOpen(): boolean {
    return this.#failures >= FAILURES_TO_OPEN;
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'running';
    this.#worker = randomHex();
    if (this.#store.isReady?.() === false)
      this.#warn('the Redis client is not connected: call `await client.connect()` before the first request');
    void this.#warnOfSetup();
    void this.#beat();
  }

  nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }

  allowance(
    { usd, window, perTenant }: SharedBudget,
    name: string,
    tenant: string | undefined,
    isOther: boolean,
  ): FleetAllowance {
    const whose = perTenant ? (isOther ? ['other'] : ['tenant', tenant ?? null]) : [];
    const key = sha256(JSON.stringify(['spend', name, ...whose]));
    const rules = this.#rules(toNano(usd), window);
    const claimant = new BudgetAllowance(key, rules, this);
    this.#claimants.add(claimant);
    return claimant;
  }

  rate(id: string, perMinute: number | undefined, limit: SharedRate | undefined): void {
    const known = this.#rates.get(id);
    if (perMinute === undefined || limit === undefined) {
      if (known !== undefined) this.#claimants.delete(known);
      this.#rates.delete(id);
      return;
    }
    const rules = this.#rules(Math.round(perMinute * 1000), 'rate');
    if (known?.isFor(rules, limit)) return;
    if (known !== undefined) this.#claimants.delete(known);
    const rate = new RateAllowance(sha256(JSON.stringify(['rate', id])), rules, limit, this);
    this.#rates.set(id, rate);
    this.#claimants.add(rate);
  }

  forget(claimant: Claimant): void {
    this.#claimants.delete(claimant);
  }

  request(claimant: Claimant, withinMs: number, afterMs: number): Promise<boolean> | undefined {
    if (this.#state === 'closed' || this.isOpen) return undefined;
    this.start();
    if (this.#store.isReady?.() === false) return undefined;
    return new Promise((resolve) => {
      const timer = patientTimer(withinMs, () => resolve(false));
      const urgent: UrgentClaim = {
        claimant,
        resolve: (isAnswered) => {
          timer.clear();
          resolve(isAnswered);
        },
      };
      if (afterMs > 0) return this.#repeatAfter(afterMs, urgent);
      this.#urgent.push(urgent);
      if (!this.#isBusy) queueMicrotask(() => void this.#sendUrgent());
    });
  }

  /** Joins the next repetition, so that one exchange repeats all of them. */
  #repeatAfter(ms: number, urgent: UrgentClaim): void {
    this.#repeated.push(urgent);
    this.#repeatTimer ??= setTimeout(() => {
      this.#repeatTimer = undefined;
      this.#urgent.push(...this.#repeated.splice(0));
      void this.#sendUrgent();
    }, ms);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const wasRunning = this.#state === 'running';
    this.#state = 'closed';
    clearTimeout(this.#timer);
    clearTimeout(this.#repeatTimer);
    for (const { resolve } of [...this.#urgent.splice(0), ...this.#repeated.splice(0)]) resolve(false);
    if (!wasRunning || this.isOpen) return;
    const claimants = [...this.#claimants];
    const exchanges: Promise<boolean>[] = [];
    for (let i = 0; i < claimants.length; i += MAX_CLAIMS)
      exchanges.push(this.#exchange(claimants.slice(i, i + MAX_CLAIMS), false, true));
    await Promise.all(exchanges);
  }

  nudge(): void {
    if (this.#state !== 'running' || this.#isNudged || this.isOpen) return;
    this.#isNudged = true;
    if (!this.#isBusy) queueMicrotask(() => void this.#sendUrgent());
  }

  async #sendUrgent(): Promise<void> {
    while (!this.#isBusy && (this.#isNudged || this.#urgent.length > 0) && this.#state === 'running') {
      const urgent = this.#urgent.splice(0);
      const claimants = [...new Set(urgent.map(({ claimant }) => claimant))];
      this.#isBusy = true;
      let isAnswered = !this.#isNudged || (await this.#exchange([], true, false));
      this.#isNudged = false;
      for (let i = 0; isAnswered && i < claimants.length; i += MAX_CLAIMS)
        isAnswered = await this.#exchange(claimants.slice(i, i + MAX_CLAIMS), false, false);
      this.#isBusy = false;
      for (const { resolve } of urgent) resolve(isAnswered);
    }
  }

  async #beat(): Promise<void> {
    const startedAt = performance.now();
    if (!this.#isBusy && this.#mayTry()) {
      this.#isBusy = true;
      const due = this.#due();
      for (let i = 0; i === 0 || i < due.length; i += MAX_CLAIMS) {
        const isReached = await this.#exchange(due.slice(i, i + MAX_CLAIMS), i === 0, false);
        if (!isReached) break;
      }
      this.#isBusy = false;
      if (this.sharesRates) this.#host.onRates();
    }
    if (this.#state !== 'running') return;
    const { heartbeatMs } = this.#settings;
    this.#timer = setTimeout(() => void this.#beat(), Math.max(1, startedAt + heartbeatMs - performance.now()));
    this.#timer.unref?.();
    void this.#sendUrgent();
  }

  /** A server that hangs gets one command at a time, because more would queue in the client. */
  #mayTry(): boolean {
    if (!this.isOpen || this.#unanswered === 0) return true;
    this.#skipped += 1;
    if (this.#skipped <= MAX_HELD_BEATS) return false;
    this.#skipped = 0;
    return true;
  }

  /** The claimants with something to claim, in turns if there are too many. */
  #due(): Claimant[] {
    const active = [...this.#claimants].filter((each) => each.isActive);
    const most = MAX_CLAIMS * MAX_EXCHANGES;
    if (active.length <= most) return active;
    const from = this.#turn % active.length;
    this.#turn = from + most;
    return [...active.slice(from), ...active.slice(0, from)].slice(0, most);
  }

  /** Never rejects, and takes no longer than `timeoutMs`. A later answer still counts, if no claim followed. */
  #exchange(claimants: readonly Claimant[], withFacts: boolean, leaving: boolean): Promise<boolean> {
    if (this.#store.isReady?.() === false) {
      this.#onFailure('the client is not connected');
      return Promise.resolve(false);
    }
    const { name, heartbeatMs, timeoutMs } = this.#settings;
    const sentAt = performance.now();
    const claims = claimants.map((each) => ({
      key: each.key,
      rules: each.rules,
      claim: each.claim(this.#worker, leaving),
    }));
    const facts = withFacts ? this.#facts.message() : undefined;
    return new Promise((resolve) => {
      let isLate = false;
      this.#unanswered += 1;
      const timer = patientTimer(timeoutMs, () => {
        isLate = true;
        this.#onFailure(`no answer in ${timeoutMs} ms`);
        resolve(false);
      });
      const finish = () => {
        timer.clear();
        this.#unanswered -= 1;
      };
      this.#sent({ name, worker: this.#worker, heartbeatMs, claims, facts }).then(
        (reply) => {
          finish();
          this.#onReply(reply, claimants, claims, sentAt, withFacts);
          resolve(true);
        },
        (error: unknown) => {
          finish();
          if (!isLate) this.#onFailure(error instanceof Error ? reasonOf(error) : 'it failed');
          resolve(false);
        },
      );
    });
  }

  async #sent(message: Parameters<FleetStore['exchange']>[0]): Promise<FleetReply> {
    return this.#store.exchange(message);
  }

  #onReply(
    reply: FleetReply,
    claimants: readonly Claimant[],
    claims: readonly KeyedClaim[],
    sentAt: number,
    withFacts: boolean,
  ): void {
    const wasOpen = this.isOpen;
    this.#failures = 0;
    this.#wasReached = true;
    this.#reachedAt = performance.now();
    this.#skipped = 0;
    claimants.forEach((claimant, i) => {
      const grant = reply.grants[i];
      const seq = claims[i]?.claim.seq;
      if (grant !== undefined && seq !== undefined) claimant.answer(seq, grant, sentAt);
    });
    // The store may have lost all amounts, so each claimant claims its own again.
    if (this.#epoch !== undefined && this.#epoch !== reply.epoch) {
      this.#facts.onDataLoss();
      for (const each of this.#claimants) each.onDataLoss();
    }
    if (withFacts) this.#facts.onReply(reply.facts);
    this.#epoch = reply.epoch;
    if (reply.version > SCRIPT_VERSION)
      this.#warn(
        `other processes of this fleet use script version ${reply.version}, this one ${SCRIPT_VERSION}: update model-router here too`,
      );
    if (wasOpen) this.#host.warn(`fleet ${this.#settings.name}: Redis answers again`);
  }

  #onFailure(why: string): void {
    this.#failures += 1;
    if (this.#failures !== FAILURES_TO_OPEN) return;
    const { name, whenDown } = this.#settings;
    const then = { share: 'uses its outage share', refuse: 'uses up its allowances', allow: 'spends without a limit' };
    this.#host.warn(`fleet ${name}: Redis does not answer (${why}); this process ${then[whenDown]}`);
  }

  get trouble(): string | undefined {
    if (!this.#wasReached) return "the fleet's ledger has not been reached yet";
    return this.isSilent ? "the fleet's ledger does not answer" : undefined;
  }

  #rules(limit: number, window: LedgerRules['window']): LedgerRules {
    const { whenDown, outageShare, heartbeatMs, lost } = this.#settings;
    return { limit, window, outageShare: whenDown === 'share' ? outageShare : 0, heartbeatMs, lost };
  }

  #warn(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#host.warn(`fleet ${this.#settings.name}: ${text}`);
  }

  async #warnOfSetup(): Promise<void> {
    try {
      if (this.#store.isReady?.() === false) return;
      for (const line of (await this.#store.warnings?.()) ?? []) this.#warn(line);
    } catch {
      // The client lacks the permission for that command.
    }
  }
}

/** Never the text of a server or socket, which may contain a URL with a password. */
function reasonOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  if (typeof code === 'string') return code;
  const [word = ''] = error.message.split(' ');
  return /^[A-Z]{2,}$/.test(word) ? word : error.name;
}
