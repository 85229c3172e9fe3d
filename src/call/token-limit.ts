import { TokenBudgetExceededError } from '../errors.js';
import type { Layer } from '../pipeline.js';
import type { Events } from '../telemetry/events.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Call, CallReply } from '../types.js';

export interface BudgetParts {
  readonly events: Events;
  readonly estimator: InputEstimator;
}

/** Refuses what is over a limit before anything is sent. A call without a limit is not looked at. */
export function budget({ events, estimator }: BudgetParts): Layer<Call, CallReply> {
  return (next) =>
    function budget(call) {
      const { maxInputTokens } = call.settings;
      if (maxInputTokens === undefined) return next(call);
      const estimate = estimator.over(call, maxInputTokens);
      if (estimate === undefined) return next(call);
      if (events.heard('budget-refused')) {
        const { id: callId, route } = call.record;
        events.emit({ type: 'budget-refused', callId, route, budget: 'tokens', estimate, limit: maxInputTokens });
      }
      return Promise.reject(new TokenBudgetExceededError(estimate, maxInputTokens));
    };
}
