import type { TargetView } from '../plan/plan.js';
import type { Target } from '../types.js';

/** A deployment as it is now, or as it will be at a later time if nothing happens until then. */
export class StillView implements TargetView {
  readonly target: Target;
  readonly retryAt: number;
  readonly isOpen: boolean;
  readonly pausedUntil: number;
  readonly isDepleted: boolean;
  readonly probeAt: number;
  readonly suspendedUntil: number;
  readonly contextWindow: number | undefined;
  readonly attemptTimeoutMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly p95Ms: number | undefined;
  readonly fastestMs: number | undefined;

  constructor(view: TargetView, now = Number.NEGATIVE_INFINITY) {
    this.target = view.target;
    this.retryAt = view.retryAt <= now ? 0 : view.retryAt;
    this.isOpen = this.retryAt > 0;
    this.pausedUntil = view.pausedUntil;
    // Limits reported as used up by rate-limit headers recover with time.
    this.isDepleted = view.isDepleted && (now < 0 || view.target.state.rateAdvice.isDepleted(now));
    this.probeAt = view.probeAt;
    this.suspendedUntil = view.suspendedUntil;
    this.contextWindow = view.contextWindow;
    this.attemptTimeoutMs = view.attemptTimeoutMs;
    this.timeoutMs = view.timeoutMs;
    this.p95Ms = view.p95Ms;
    this.fastestMs = view.fastestMs;
  }

  at(now: number): StillView {
    return new StillView(this, now);
  }
}
