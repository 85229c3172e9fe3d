import type { TargetView } from '../plan/plan.js';
import type { Capacity } from '../state/capacity.js';
import type { Call, Target } from '../types.js';
import { tokensAt } from './queue.js';

/** A route's targets are the same array for each of its calls, so the views are cached by that array. */
const known = { stream: newViews(), other: newViews(), ownStream: newViews(), own: newViews() };

function newViews(): WeakMap<readonly Target[], readonly TargetView[]> {
  return new WeakMap();
}

/** The deployments of a call as they stand now, for the plan to choose from. */
export function viewTargets({ targets, stream, hasOwnCredentials }: Call): readonly TargetView[] {
  const ofRoute = hasOwnCredentials ? (stream ? known.ownStream : known.own) : stream ? known.stream : known.other;
  const found = ofRoute.get(targets);
  if (found !== undefined) return found;
  const View = hasOwnCredentials ? IndependentView : LiveView;
  const made = targets.map((target) => new View(target, stream));
  ofRoute.set(targets, made);
  return made;
}

/**
 * Whether the deployment has no slot or rate left for the call, now or at a later time if nothing begins or ends until
 * then.
 */
export function isFullAt(call: Call, { state: { place } }: Target, capacity: Capacity, now: number): boolean {
  return place !== undefined && !capacity.hasRoom(place, tokensAt(call, place), now);
}

/** Reads fields lazily, because most plans only look at the first deployment. */
class LiveView implements TargetView {
  constructor(
    readonly target: Target,
    readonly stream: boolean,
  ) {}

  get isOpen(): boolean {
    return this.retryAt > 0;
  }
  get retryAt(): number {
    return this.target.state.breaker?.retryAt ?? 0;
  }
  get pausedUntil(): number {
    return this.target.state.pausedUntil;
  }
  get isDepleted(): boolean {
    return this.target.state.rateAdvice.isDepleted(performance.now());
  }
  get probeAt(): number {
    return this.target.state.probeAt;
  }
  get suspendedUntil(): number {
    return this.target.state.client.suspendedUntil;
  }
  get contextWindow(): number | undefined {
    return this.target.state.deployment.contextWindow;
  }
  get attemptTimeoutMs(): number | undefined {
    return this.target.state.deployment.attemptTimeoutMs;
  }
  get timeoutMs(): number | undefined {
    return this.target.state.deployment.upstream.timeoutMs;
  }
  get p95Ms(): number | undefined {
    return this.target.state.p95WaitMs(this.stream);
  }
  get fastestMs(): number | undefined {
    return this.target.state.latencies(this.stream).min;
  }
}

/** For calls with their own credentials: what the router's account was refused says nothing about theirs. */
class IndependentView extends LiveView {
  override get retryAt(): number {
    return 0;
  }
  override get pausedUntil(): number {
    return 0;
  }
  override get suspendedUntil(): number {
    return 0;
  }
}
