import type { AbTable, Exposure } from '../experiments/ab-table.js';
import type { Layer } from '../pipeline.js';
import { outputLimitOf } from '../protocol/output-limit.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Call, CallReply, Target } from '../types.js';
import type { OrderRequest, RouteOrder } from './route-order.js';

const TOKENS_PER_PRICE = 1e6;
/** The output tokens to assume if a route has no answers yet and the call sets no limit. */
const TYPICAL_OUTPUT = 256;

export interface OrderParts {
  /** By route; routes in listed order are missing. */
  readonly orders: ReadonlyMap<string, RouteOrder>;
  readonly estimator: InputEstimator;
  /** Called when a weighted route has assigned a variant to the call. */
  readonly onExposure: (call: Call, table: AbTable, exposure: Exposure) => void;
}

/** Puts a call's deployments into the order of its route's strategy. The plan walks that order once. */
export function order({ orders, estimator, onExposure }: OrderParts): Layer<Call, CallReply> {
  return (next) =>
    function order(call) {
      const routeOrder = orders.get(call.record.route ?? '');
      if (routeOrder === undefined || call.targets.length === 0) return next(call);
      const now = performance.now();
      const decision = routeOrder.decide(orderRequest(call, estimator, now));
      routeOrder.commit(decision, call.stream, now);
      if (routeOrder.shouldWarn(decision))
        call.log.warn(
          `${call.record.id} route ${call.record.route}: the strategy ${decision.chosenBy} failed, so the listed order is used: ${decision.broken}`,
        );
      call.targets = decision.targets;
      call.record.chosenBy = decision.chosenBy;
      call.orderFeedback = {
        answered: (id, ms, tokens) => routeOrder.answered(id, call.stream, ms, tokens, performance.now()),
        tookTooLong: (id, ms) => routeOrder.tookTooLong(id, call.stream, ms, performance.now()),
      };
      const { exposure } = decision;
      if (exposure !== undefined) {
        call.record.variant = exposure.variant;
        if (routeOrder.table !== undefined) onExposure(call, routeOrder.table, exposure);
      }
      return decision.probe === undefined ? next(call) : probing(call, routeOrder, decision.probe);

      async function probing(call: Call, routeOrder: RouteOrder, id: string): Promise<CallReply> {
        try {
          return await next(call);
        } finally {
          routeOrder.endProbe(id, call.stream, probeSucceeded(call, id), performance.now());
        }
      }
    };
}

/** The input of an order, for the layer and for `explain()`. */
export function orderRequest(call: Call, estimator: InputEstimator, now: number): OrderRequest {
  return {
    targets: call.targets,
    stream: call.stream,
    now,
    assignmentKey: call.settings.assignmentKey,
    expectedCostUsd(target, medianOutputTokens) {
      const price = target.price?.price;
      if (price === undefined) return undefined;
      const inputTokens = estimator.ofCallAt(call, target.model);
      const outputTokens =
        Math.min(outputLimitOf(call.body) ?? Number.POSITIVE_INFINITY, medianOutputTokens ?? TYPICAL_OUTPUT) *
        call.choices;
      const cached = cachedShare(target);
      const perInput = cached * (price.cachedInput ?? price.input) + (1 - cached) * price.input;
      return (inputTokens * perInput + outputTokens * price.output) / TOKENS_PER_PRICE;
    },
  };
}

/** The share of input that the provider has read from its own cache so far. */
function cachedShare({ state }: Target): number {
  const { cachedInputTokens, inputTokens } = state.totals;
  return inputTokens === 0 ? 0 : cachedInputTokens / inputTokens;
}

/** `undefined` if the probe was never sent. */
function probeSucceeded({ record }: Call, id: string): boolean | undefined {
  const attempt = record.attempts.find((each) => each.deployment === id);
  if (attempt === undefined) return undefined;
  // A stream's attempt is pending until its end, but the wait was for its first content.
  return attempt.outcome === 'success' || attempt.outcome === 'pending' || attempt.outcome === 'lost';
}
