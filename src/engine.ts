import { assemble } from './assemble.js';
import { RouteOrder } from './call/route-order.js';
import type { ShadowRule } from './call/shadow.js';
import type { SpendParts } from './call/spend/decide.js';
import { Deployments, newService } from './deployments.js';
import { connectFleet, type FleetState } from './fleet-host.js';
import type { EscalateConfig } from './options/check-judge.js';
import type { RouteConfig, RouterConfig } from './options/check-options.js';
import type { Handler } from './pipeline.js';
import { PriceBook } from './prices/price-book.js';
import { CostGroups } from './prices/worst-case.js';
import { Routing } from './request/resolve-model.js';
import { newLife, type RouterLife } from './router-life.js';
import type { CacheStore } from './state/cache-store.js';
import type { DeploymentState } from './state/deployment-state.js';
import { EscalationShare } from './state/escalation-share.js';
import type { Fleet, FleetLink } from './state/fleet.js';
import { ResponseStore } from './state/memory-store.js';
import { NextDraw } from './state/next-draw.js';
import { RetryBudget } from './state/retry-budget.js';
import { DEFAULT_DOWNTIME } from './state/service-history.js';
import type { ServiceLevel } from './state/service-level.js';
import { SpendLedger } from './state/spend-ledger.js';
import { newTotals, type Totals } from './state/totals.js';
import type { CallRecord } from './telemetry/record-types.js';
import { InputEstimator } from './tokens/input-estimator.js';
import type { Call, CallReply, CallRetry, Target, Upstream } from './types.js';
import { isSameValue } from './util/is-same-value.js';
import { randomHex } from './util/random-hex.js';

/** A router without its entry point: its deployments and their state. All views of a router share one engine. */
export class Engine {
  /** What survives a change of the configuration. */
  readonly life: RouterLife;
  readonly routing: Routing;
  readonly estimator: InputEstimator;
  /** Answers a call. */
  readonly handle: Handler<Call, CallReply>;
  /** By name: configured deployments, and one shared state per client for unlisted models, created at first use. */
  readonly states: ReadonlyMap<string, DeploymentState>;
  /** A random number for each call, 0 up to 1, that spreads its waits. */
  readonly jitter: NextDraw;
  /** The order of deployments on routes with a strategy. */
  readonly orders: ReadonlyMap<string, RouteOrder>;
  /** Totals of the calls of each route. */
  readonly routeTotals: ReadonlyMap<string, Totals>;
  /** The service level of each route. */
  readonly services: ReadonlyMap<string, ServiceLevel>;
  /** `undefined` without budgets. */
  readonly ledger: SpendLedger | undefined;
  /** `undefined` without a fleet. */
  readonly fleet: FleetLink | undefined;
  /** Budgets and price estimates. */
  readonly spend: SpendParts;
  readonly #deployments: Deployments;
  /** By route: the rule of `escalate` with its share of escalations, and shadow traffic. */
  readonly #escalation = new Map<string, { readonly config: EscalateConfig; readonly share: EscalationShare }>();
  readonly #shadows = new Map<string, ShadowRule>();
  /** For calls with their own credentials. It counts nothing. */
  readonly #unlimited = new RetryBudget({ budget: false, minPerSecond: 0 });
  /** Priorities in queue order, first one first. */
  readonly #ranks: readonly string[];
  /** The retry rules of each route. */
  readonly #retries: ReadonlyMap<string, CallRetry>;

  constructor(
    readonly config: RouterConfig,
    readonly upstreams: ReadonlyMap<string, Upstream>,
    previous?: Engine,
  ) {
    const life = previous?.life ?? newLife();
    this.life = life;
    const { events, keeper } = life;
    this.#ranks = ['premium', 'standard', ...config.priorities.keys()];
    const prices = new PriceBook(config.prices);
    const replaced = previous === undefined ? undefined : previous.#deployments;
    const deployments = new Deployments(config, upstreams, events, prices, replaced);
    this.#deployments = deployments;
    this.states = deployments.states;
    this.estimator = new InputEstimator(config.countTokens, events, config.random);
    this.routing = new Routing(config, new Map(this.states), {
      stateOf: (client) => deployments.unlisted(client, (id, { service }) => keeper.addDeployment(id, service)),
      priceOf: (deployment, model) => prices.ofCall({ deployment, model }),
    });
    this.#retries = new Map(
      [...config.routes].map(([name, { retry }]) => [
        name,
        { ...retry, budget: previous === undefined ? new RetryBudget(retry) : previous.#budgetFor(name, retry) },
      ]),
    );
    for (const [name, route] of config.routes) {
      const { escalate, shadow } = route;
      if (escalate !== undefined) {
        const share = previous === undefined ? new EscalationShare() : previous.#shareOf(name);
        this.#escalation.set(name, { config: escalate, share });
      }
      const [target] = shadow === undefined ? [] : this.routing.resolve(shadow.deployment, undefined, '').targets;
      if (shadow !== undefined && target !== undefined) this.#shadows.set(name, { config: shadow, target });
    }
    this.routeTotals = new Map(
      [...config.routes.keys()].map((name) => [name, previous?.routeTotals.get(name) ?? newTotals()]),
    );
    this.services = new Map(
      [...config.routes].map(([route, { sla }]) => {
        const known = previous?.services.get(route);
        const isSame = isSameValue(previous?.config.routes.get(route)?.sla, sla);
        if (!isSame) known?.promise(sla, sla?.downtime ?? DEFAULT_DOWNTIME);
        return [route, known ?? newService(events, sla, { route })];
      }),
    );
    this.orders = new Map([...config.routes].flatMap(([route, each]) => this.#order(route, each, previous)));
    life.fleet ??= config.fleet && this.#connect(config.fleet);
    this.fleet = life.fleet;
    life.current = this.#fleetState();
    if (this.fleet?.sharesRates === true)
      for (const [id, { place }] of this.states) place?.slots.shareRates(id, this.fleet);
    this.ledger =
      config.budgets.length === 0
        ? undefined
        : new SpendLedger(config.budgets, config.tenants, previous?.ledger, this.fleet);
    keeper.attach({
      store: config.state,
      deployments: () => Array.from(this.states, ([id, { service }]) => [id, service] as const),
      routes: () => this.services,
      // The fleet itself remembers what it shares.
      ledger: this.fleet?.sharesBudgets === true ? undefined : this.ledger,
    });
    this.spend = {
      ledger: this.ledger,
      events,
      estimator: this.estimator,
      prices,
      groups: new CostGroups(),
      unknownPrice: config.unknownPrice,
      mayRepeat: [config.retry, ...[...config.routes.values()].map(({ retry }) => retry)].some(
        (each) => new RetryBudget(each).allowsAny,
      ),
    };
    this.jitter = new NextDraw(config.random);
    const handle = this.#assemble(prices);
    const { fleet } = this;
    this.handle =
      config.state === undefined && fleet === undefined
        ? handle
        : (call) => {
            fleet?.start();
            keeper.start();
            return handle(call);
          };
  }

  #assemble(prices: PriceBook): Handler<Call, CallReply> {
    const { config } = this;
    return assemble({
      config,
      jitter: () => this.jitter.take(),
      prices,
      life: this.life,
      routeTotals: this.routeTotals,
      services: this.services,
      spend: this.spend,
      estimator: this.estimator,
      escalation: (route) => this.#escalation.get(route ?? ''),
      shadow: {
        rule: (route) => this.#shadows.get(route ?? ''),
        runsInBackground: config.shareInFlight,
      },
      cache: {
        store: () => this.#cacheStore(),
        size: config.cacheStore === undefined ? config.cacheSize : undefined,
        shareInFlight: config.shareInFlight,
      },
      order: {
        orders: this.orders,
        onExposure: ({ record }, table, exposure) => this.life.exposures.set(record.attempts, { table, exposure }),
      },
      onRecorded: (record, failed) => {
        this.#compare(record, failed);
        this.life.changes.recorded(record);
        this.life.keeper.changed();
      },
    });
  }

  /** Adds the call to its route's comparison. */
  #compare(record: CallRecord, failed: boolean): void {
    const found = this.life.exposures.get(record.attempts);
    if (found === undefined) return;
    const { table, exposure } = found;
    record.variant = exposure.variant;
    table.record(exposure, {
      crossed: record.deployment !== exposure.variant,
      failed,
      durationMs: record.durationMs,
      timeToFirstChunkMs: record.timeToFirstChunkMs,
      costUsd: record.costUsd,
      tokens: record.usage === null ? null : record.usage.inputTokens + record.usage.outputTokens,
      escalated: record.escalated,
    });
    if (table.becameMismatched()) this.life.events.emit({ type: 'sample-ratio-mismatch', route: record.route ?? '' });
  }

  /** A call's rank in a queue: premium, then standard, then the application's own priorities in listed order. */
  rankOf(priority: string): number {
    return this.#ranks.indexOf(priority);
  }

  get closed(): boolean {
    return this.life.closed;
  }

  nextAccount(): number {
    return ++this.life.accounts;
  }

  nextCallId(): string {
    this.life.idPrefix ??= `call_${randomHex()}`;
    return `${this.life.idPrefix}${(this.life.calls++).toString(36)}`;
  }

  /** The contents of the router's own store; `null` for an application's store. */
  get cacheSize(): { entries: number | null; bytes: number | null } {
    if (this.config.cacheStore !== undefined) return { entries: null, bytes: null };
    const { store } = this.life;
    return { entries: store?.entries ?? 0, bytes: store?.bytes ?? 0 };
  }

  /** Creates the store at first use, so a router without a cache has none. */
  #cacheStore(): CacheStore {
    if (this.config.cacheStore !== undefined) return this.config.cacheStore;
    this.life.store ??= new ResponseStore(this.config.cacheSize);
    return this.life.store;
  }

  /** Resolves when unused allowances have been returned to the fleet. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.life.closed = true;
    const returned = this.fleet?.close();
    this.life.closing.abort(new DOMException('This operation was aborted', 'AbortError'));
    this.life.keeper.close();
    this.life.capacity.close();
    for (const { breaker } of this.states.values()) breaker?.close();
    this.life.events.clear();
    await returned;
  }

  /** Runs once: the link outlives configuration changes. */
  #connect(fleet: Fleet): FleetLink {
    return connectFleet(fleet, {
      random: this.config.random,
      current: () => this.life.current ?? this.#fleetState(),
      capacity: this.life.capacity,
      events: this.life.events,
      warn: (line) => this.life.changes.log?.warn(line),
    });
  }

  #fleetState(): FleetState {
    return {
      states: this.states,
      clients: this.#deployments.clients,
      cooldownMs: this.config.breaker?.cooldownMs ?? 0,
    };
  }

  /** Returns the previous order if nothing has changed, so that its statistics and its comparison continue. */
  #order(route: string, { strategy, deployments }: RouteConfig, previous: Engine | undefined): [string, RouteOrder][] {
    if (strategy === undefined) return [];
    const before = previous?.config.routes.get(route);
    const known = previous?.orders.get(route);
    const isSame = before !== undefined && isSameValue([before.strategy, before.deployments], [strategy, deployments]);
    if (known !== undefined && isSame) return [[route, known]];
    const { random, breaker } = this.config;
    return [[route, new RouteOrder({ route, config: strategy, cooldownMs: breaker?.cooldownMs ?? 0, random })]];
  }

  /** The retry budget of a route. An unchanged rule keeps its tokens. */
  #budgetFor(route: string, retry: RouterConfig['retry']): RetryBudget {
    const isSame = isSameValue(this.config.routes.get(route)?.retry, retry);
    return (isSame ? this.#retries.get(route)?.budget : undefined) ?? new RetryBudget(retry);
  }

  #shareOf(route: string): EscalationShare {
    return this.#escalation.get(route)?.share ?? new EscalationShare();
  }

  /**
   * The retry rules for calls of a route or, without a route, for calls to a client. A call with its own credentials
   * takes no shared tokens.
   */
  retryOf(route: string | undefined, first: Target | undefined, hasOwnCredentials: boolean): CallRetry {
    const { retry } = this.config;
    const ofRoute = route === undefined ? undefined : this.#retries.get(route);
    if (hasOwnCredentials) return { ...(ofRoute ?? retry), budget: this.#unlimited };
    return ofRoute ?? { ...retry, budget: first?.state.client.retryBudget ?? this.#unlimited };
  }
}
