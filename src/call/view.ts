import type { TargetView } from '../plan/plan.js';
import type { Target } from '../types.js';

/** The deployments of a call as they stand now, for the plan to choose from. */
export function viewTargets(targets: readonly Target[]): TargetView[] {
  return targets.map((target) => new View(target));
}

/** Reads what is asked for, when it is asked for: most plans look no further than the first deployment. */
class View implements TargetView {
  constructor(readonly target: Target) {}

  get out(): boolean {
    const { breaker } = this.target.state;
    return breaker !== undefined && breaker.dueAt > performance.now();
  }
  get dueAt(): number {
    return this.target.state.breaker?.dueAt ?? 0;
  }
  get pausedUntil(): number {
    return this.target.state.pausedUntil;
  }
  get setAsideUntil(): number {
    return this.target.state.client.setAsideUntil;
  }
  get contextWindow(): number | undefined {
    return this.target.state.deployment.contextWindow;
  }
  get timeoutMs(): number | undefined {
    return this.target.state.deployment.upstream.timeoutMs;
  }
  get p95Ms(): number | undefined {
    return this.target.state.latency.live(0.95);
  }
  get fastestMs(): number | undefined {
    return this.target.state.latency.min;
  }
}
