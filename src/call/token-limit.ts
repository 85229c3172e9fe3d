import { TokenBudgetExceededError } from '../errors.js';
import type { Layer } from '../pipeline.js';
import { checkLimits } from '../protocol/output-limit.js';
import type { Events } from '../telemetry/events.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Call, CallReply } from '../types.js';

export interface TokenLimitParts {
  readonly events: Events;
  readonly estimator: InputEstimator;
}

/** Refuses an input over `maxInputTokens` before anything is sent. Without that limit nothing is counted. */
export function limitTokens({ events, estimator }: TokenLimitParts): Layer<Call, CallReply> {
  return (next) => {
    return function limitTokens(call) {
      const { maxInputTokens } = call.settings;
      return maxInputTokens === undefined ? next(call) : limited(call, maxInputTokens);
    };

    async function limited(call: Call, limit: number): Promise<CallReply> {
      checkLimits(estimator.inputOf(call).body);
      const estimate = estimator.ofCall(call);
      if (estimate <= limit) return next(call);
      if (events.hasListener('budget-refused')) {
        const { id: callId, route } = call.record;
        events.emit({ type: 'budget-refused', callId, route, budget: 'tokens', estimate, limit });
      }
      throw new TokenBudgetExceededError(estimate, limit);
    }
  };
}
