import type { TargetView } from '../plan/plan.js';
import type { Target } from '../types.js';

/** The targets of a route are the same array for each of its calls, and so are their views. */
const known = new WeakMap<readonly Target[], readonly TargetView[]>();

/** The deployments of a call as they stand now, for the plan to choose from. */
export function viewTargets(targets: readonly Target[]): readonly TargetView[] {
  const found = known.get(targets);
  if (found !== undefined) return found;
  const views = targets.map((target) => new LiveView(target));
  known.set(targets, views);
  return views;
}

/** Reads what is asked for, when it is asked for: most plans look no further than the first deployment. */
class LiveView implements TargetView {
  constructor(readonly target: Target) {}

  get out(): boolean {
    return this.dueAt > 0;
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
