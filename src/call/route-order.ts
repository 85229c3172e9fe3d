import { AbTable, type Exposure } from '../experiments/ab-table.js';
import type { StrategyConfig } from '../options/check-strategy.js';
import type { StrategyDeployment, StrategyView } from '../options/strategy.js';
import { type Draw, drawByKey, drawByNumber, hash53 } from '../plan/order/draw.js';
import { leastBusyOrder } from '../plan/order/least-busy.js';
import { lowestCostOrder } from '../plan/order/lowest-cost.js';
import { weightedOrder } from '../plan/order/weighted.js';
import { comparableMs, LatencyScores } from '../state/latency-scores.js';
import type { Target } from '../types.js';
import { ignoreRejection } from '../util/ignore-rejection.js';

/** A route's median is taken from this many recent answers. */
const RECENT_OUTPUTS = 101;

/** The input of an order for one call. */
export interface OrderRequest {
  readonly targets: readonly Target[];
  readonly stream: boolean;
  readonly now: number;
  readonly assignmentKey: string | undefined;
  /** In US dollars; `undefined` if the price is unknown. Only called by strategies that use the cost. */
  readonly expectedCostUsd: (target: Target, medianOutputTokens: number | undefined) => number | undefined;
}

/** Which deployments to try, in order, and why. */
export interface OrderDecision {
  readonly targets: readonly Target[];
  /** The strategy's name, `probe` or `recovery`. */
  readonly chosenBy: string;
  /** The assigned variant of a weighted route. */
  readonly exposure: Exposure | undefined;
  /** The deployment that is tried first to measure how fast it is. */
  readonly probe: string | undefined;
  /** The deployment that is tried first because its breaker is due for a probe. */
  readonly recovery: string | undefined;
  /** Why the listed order replaces the application's own strategy. */
  readonly broken: string | undefined;
}

export interface RouteOrderParts {
  readonly route: string;
  readonly config: StrategyConfig;
  readonly cooldownMs: number;
  /** 0 to 1. Drawn from at the first call, not before. */
  readonly random: () => number;
}

/**
 * How one route orders its deployments, and the statistics that it uses. `decide` changes nothing, so `explain()` shows
 * what the next call will do; `commit` records the decision.
 */
export class RouteOrder {
  readonly table: AbTable | undefined;
  readonly #parts: RouteOrderParts;
  readonly #latency: { readonly stream: LatencyScores; readonly whole: LatencyScores } | undefined;
  /** The variants of a weighted route. */
  readonly #weighted: readonly { readonly id: string; readonly weight: number }[] = [];
  readonly #recoveredAt = new Map<string, number>();
  readonly #outputs: number[] = [];
  #median: number | undefined;
  #calls = 0;
  #seed: number | undefined;
  #warned = false;

  constructor(parts: RouteOrderParts) {
    this.#parts = parts;
    const { config } = parts;
    if (config.by === 'weighted') {
      this.#weighted = Array.from(config.weights, ([id, weight]) => ({ id, weight }));
      this.table = new AbTable(this.#weighted);
    }
    if (config.by === 'lowest-latency')
      this.#latency = { stream: new LatencyScores(config), whole: new LatencyScores(config) };
  }

  decide(request: OrderRequest): OrderDecision {
    const { ids, chosenBy, probe, exposure, broken } = this.#byStrategy(request);
    const targets = inOrder(request.targets, ids);
    const name = probe === undefined ? chosenBy : 'probe';
    const decision = { targets, chosenBy: name, exposure, probe, recovery: undefined, broken };
    const due = this.#due(request, targets);
    if (due === undefined) return decision;
    const rest = targets.filter((target) => target !== due);
    const recovery = due.state.id;
    return { targets: [due, ...rest], chosenBy: 'recovery', exposure, probe: undefined, recovery, broken };
  }

  commit({ targets, probe, recovery }: OrderDecision, stream: boolean, now: number): void {
    this.#calls += 1;
    this.#scores(stream)?.commit({ order: targets.map((target) => target.state.id), probe }, now);
    if (recovery !== undefined) this.#recoveredAt.set(recovery, now);
  }

  /** Returns true once, so that a strategy that fails on each call causes one warning. */
  shouldWarn({ broken }: OrderDecision): boolean {
    if (broken === undefined || this.#warned) return false;
    this.#warned = true;
    return true;
  }

  /** Records an answer of this route, or a stream's first content. */
  answered(id: string, stream: boolean, ms: number, outputTokens: number | undefined, now: number): void {
    this.#scores(stream)?.record(id, stream ? ms : comparableMs(ms, outputTokens), now);
    const { by } = this.#parts.config;
    if (outputTokens === undefined || !(by === 'lowest-cost' || by === 'custom')) return;
    this.#outputs.push(outputTokens);
    if (this.#outputs.length > RECENT_OUTPUTS) this.#outputs.shift();
    this.#median = undefined;
  }

  /** Records an attempt that was ended without an answer: its time is a lower limit of the latency. */
  tookTooLong(id: string, stream: boolean, ms: number, now: number): void {
    this.#scores(stream)?.record(id, ms, now);
  }

  endProbe(id: string, stream: boolean, succeeded: boolean | undefined, now: number): void {
    this.#scores(stream)?.endProbe(id, succeeded, now);
  }

  #scores(stream: boolean): LatencyScores | undefined {
    return stream ? this.#latency?.stream : this.#latency?.whole;
  }

  #byStrategy(request: OrderRequest): {
    ids: readonly string[];
    chosenBy: string;
    probe?: string | undefined;
    exposure?: Exposure | undefined;
    broken?: string | undefined;
  } {
    const { config, route } = this.#parts;
    const { stream, now, assignmentKey, targets } = request;
    switch (config.by) {
      case 'weighted': {
        // Over all variants, even unavailable ones: an outage does not change the assignment of a call.
        const ids = idsOf(weightedOrder(this.#weighted, this.#draw(config.salt, assignmentKey)));
        const [variant = ''] = ids;
        return { ids, chosenBy: config.by, exposure: { variant, keyHash: this.#keyHash(assignmentKey) } };
      }
      case 'lowest-latency': {
        const busy = targets.map(({ state }) => ({ id: state.id, inFlight: state.inFlight }));
        const draw = assignmentKey === undefined ? undefined : drawByKey(route, assignmentKey);
        const { order, probe } = this.#scores(stream)?.decide(busy, now, draw) ?? { order: [], probe: undefined };
        return { ids: order, chosenBy: config.by, probe };
      }
      case 'lowest-cost': {
        const costs = targets.map((target) => ({
          id: target.state.id,
          expectedCostUsd: request.expectedCostUsd(target, this.#medianOutput()),
          p95Ms: target.state.p95Ms(stream),
        }));
        return { ids: idsOf(lowestCostOrder(costs, config.preferP95Ms)), chosenBy: config.by };
      }
      case 'least-busy': {
        const busy = targets.map(({ state }) => ({
          id: state.id,
          weight: config.weights.get(state.id) ?? 1,
          inFlight: state.inFlight,
          maxConcurrent: state.deployment.maxConcurrent,
        }));
        return { ids: idsOf(leastBusyOrder(busy, this.#draw(route, undefined))), chosenBy: config.by };
      }
      case 'custom': {
        return this.#custom(request, config);
      }
    }
  }

  #custom(
    request: OrderRequest,
    { strategy, weights }: Extract<StrategyConfig, { by: 'custom' }>,
  ): { ids: readonly string[]; chosenBy: string; broken?: string } {
    const view: StrategyView = {
      route: this.#parts.route,
      stream: request.stream,
      deployments: request.targets.map((target) => this.#view(request, target, weights)),
    };
    const chosenBy = strategy.name;
    try {
      const ids: unknown = strategy.order(view);
      if (Array.isArray(ids)) return { ids, chosenBy };
      ignoreRejection(ids);
      return { ids: [], chosenBy, broken: 'it returned no array' };
    } catch (error) {
      // Not its message, which may quote anything.
      return { ids: [], chosenBy, broken: `it threw ${error instanceof Error ? error.name : typeof error}` };
    }
  }

  #view(request: OrderRequest, target: Target, weights: ReadonlyMap<string, number>): StrategyDeployment {
    const { state } = target;
    const latencies = state.latencies(request.stream);
    const median = () => this.#medianOutput();
    return {
      id: state.id,
      weight: weights.get(state.id) ?? 1,
      inFlight: state.inFlight,
      maxConcurrent: state.deployment.maxConcurrent,
      // Getters, because most strategies read only one of them.
      get p50Ms() {
        return latencies.live(0.5);
      },
      get p95Ms() {
        return state.p95Ms(request.stream);
      },
      get expectedCostUsd() {
        return request.expectedCostUsd(target, median());
      },
    };
  }

  /**
   * A deployment that is not first in the order, with a breaker that is due for a probe. Once per cooldown one call
   * tries it first; otherwise it might never be used again. A deployment of weight 0 is not probed in this way, and a
   * call with an `assignmentKey` keeps its order.
   */
  #due({ assignmentKey, now }: OrderRequest, targets: readonly Target[]): Target | undefined {
    const { config, cooldownMs } = this.#parts;
    if (assignmentKey !== undefined) return undefined;
    return targets.find(
      ({ state }, i) =>
        i > 0 &&
        state.breaker?.isProbeDue === true &&
        !('weights' in config && config.weights.get(state.id) === 0) &&
        now >= (this.#recoveredAt.get(state.id) ?? Number.NEGATIVE_INFINITY) + cooldownMs,
    );
  }

  #draw(salt: string, assignmentKey: string | undefined): Draw {
    return assignmentKey === undefined ? drawByNumber(this.#seedOf(), this.#calls) : drawByKey(salt, assignmentKey);
  }

  #keyHash(assignmentKey: string | undefined): number {
    const text = assignmentKey === undefined ? `call ${this.#calls}` : `key ${assignmentKey}`;
    // Without a key no secrecy is needed, so the fast hash is enough.
    if (assignmentKey === undefined) return Math.floor(drawByNumber(this.#seedOf(), this.#calls)(text) * 2 ** 32);
    return hash53(`${this.#seedOf()} ${text}`);
  }

  #seedOf(): number {
    this.#seed ??= Math.floor(this.#parts.random() * 2 ** 32);
    return this.#seed;
  }

  #medianOutput(): number | undefined {
    if (this.#outputs.length === 0) return undefined;
    this.#median ??= [...this.#outputs].sort((a, b) => a - b)[Math.floor(this.#outputs.length / 2)];
    return this.#median;
  }
}

const idsOf = (deployments: readonly { readonly id: string }[]) => deployments.map(({ id }) => id);

/** The targets in the order of `ids`. Unknown and repeated ids are ignored, missing ones go last in listed order. */
function inOrder(targets: readonly Target[], ids: readonly unknown[]): readonly Target[] {
  const left = new Map(targets.map((target) => [target.state.id as unknown, target]));
  const ordered: Target[] = [];
  for (const id of ids) {
    const target = left.get(id);
    if (target === undefined) continue;
    ordered.push(target);
    left.delete(id);
  }
  return [...ordered, ...left.values()];
}
