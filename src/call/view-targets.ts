import type { TargetView } from '../plan/plan.js';
import type { Capacity, Place } from '../state/capacity.js';
import type { Call, Target } from '../types.js';
import { tokensAt } from './queue.js';

/** A route's targets are the same array for each of its calls, so the views are cached by that array. */
const known = { stream: newViews(), other: newViews(), ownStream: newViews(), own: newViews() };

interface RouteViews {
  readonly views: readonly TargetView[];
  /** One of the deployments, or its client, has limits of its own. A new configuration has new targets. */
  readonly isLimited: boolean;
}

function newViews(): WeakMap<readonly Target[], RouteViews> {
  return new WeakMap();
}

/** The deployments of a call as they stand now, for the plan to choose from. */
export function viewTargets(call: Call, capacity: Capacity, granted?: Place): readonly TargetView[] {
  const { views, isLimited } = viewsOf(call);
  return isLimited ? views.map((view) => new LimitedView(view, call, capacity, granted)) : views;
}

/**
 * Whether the deployment has no slot or rate left for the call, now or at a later time if nothing begins or ends until
 * then.
 */
export function isFullAt(call: Call, { state: { place } }: Target, capacity: Capacity, now: number): boolean {
  return place !== undefined && !capacity.hasRoom(place, tokensAt(call, place), now);
}

function viewsOf({ targets, stream, hasOwnCredentials }: Call): RouteViews {
  const ofRoute = hasOwnCredentials ? (stream ? known.ownStream : known.own) : stream ? known.stream : known.other;
  const found = ofRoute.get(targets);
  if (found !== undefined) return found;
  const made: RouteViews = {
    views: targets.map((target) =>
      hasOwnCredentials ? new IndependentView(target, stream) : new LiveView(target, stream),
    ),
    isLimited: targets.some(({ state }) => state.place !== undefined),
  };
  ofRoute.set(targets, made);
  return made;
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
  get isFull(): boolean {
    return false;
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

/** Adds the slots of the deployment. A call that was granted a slot goes there, and nowhere else. */
class LimitedView implements TargetView {
  constructor(
    readonly view: TargetView,
    readonly call: Call,
    readonly capacity: Capacity,
    readonly granted: Place | undefined,
  ) {}

  get isFull(): boolean {
    if (this.granted !== undefined) return this.target.state.place !== this.granted;
    return isFullAt(this.call, this.target, this.capacity, performance.now());
  }
  get target(): Target {
    return this.view.target;
  }
  get isOpen(): boolean {
    return this.view.isOpen;
  }
  get retryAt(): number {
    return this.view.retryAt;
  }
  get pausedUntil(): number {
    return this.view.pausedUntil;
  }
  get isDepleted(): boolean {
    return this.view.isDepleted;
  }
  get probeAt(): number {
    return this.view.probeAt;
  }
  get suspendedUntil(): number {
    return this.view.suspendedUntil;
  }
  get contextWindow(): number | undefined {
    return this.view.contextWindow;
  }
  get attemptTimeoutMs(): number | undefined {
    return this.view.attemptTimeoutMs;
  }
  get timeoutMs(): number | undefined {
    return this.view.timeoutMs;
  }
  get p95Ms(): number | undefined {
    return this.view.p95Ms;
  }
  get fastestMs(): number | undefined {
    return this.view.fastestMs;
  }
}
