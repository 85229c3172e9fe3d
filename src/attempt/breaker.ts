import type { Layer } from '../pipeline.js';
import type { Attempt, Reply } from '../types.js';

/**
 * Asks the deployment's breaker for a permit, and reports when the attempt is over: a stream's at the stream's end. The
 * plan has looked at the breaker without a pause in between, so a permit is only missing if a caller broke that rule.
 */
export function breaker(): Layer<Attempt, Reply> {
  return (next) =>
    function breaker(attempt) {
      const gate = attempt.target.state.breaker;
      if (gate === undefined) return next(attempt);
      const permit = attempt.forced ? gate.force() : (gate.tryAcquire() ?? gate.force());
      attempt.onEnd.push((end) => gate.report(permit, end.breaker));
      return next(attempt);
    };
}
