import type { Layer } from '../pipeline.js';
import type { Attempt, Reply } from '../types.js';

/**
 * Takes a permit from the deployment's breaker, and reports how the attempt ended; a stream reports at its end. The
 * plan has checked the breaker without an await in between, so a permit is only missing if a caller broke that rule.
 * Calls with their own credentials are not reported, because they say nothing about the deployment for other calls.
 */
export function breaker(): Layer<Attempt, Reply> {
  return (next) =>
    function breaker(attempt) {
      const gate = attempt.target.state.breaker;
      if (gate === undefined || attempt.call.hasOwnCredentials) return next(attempt);
      const permit = attempt.panic ? gate.force() : (gate.tryAcquire() ?? gate.force());
      attempt.onEnd.push((end) => gate.report(permit, end.breaker, attempt.startedAt));
      return next(attempt);
    };
}
