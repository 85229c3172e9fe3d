import { codeOf } from '../classify.js';
import type { Layer } from '../pipeline.js';
import type { Events } from '../telemetry/events.js';
import type { Attempt, Failure, Reply, Target } from '../types.js';
import type { NameHints } from '../util/name-hints.js';
import { cut } from '../util/shown.js';

/** How long a client is suspended after it refused its key or ran out of quota. */
const SUSPENSION_MS = 60_000;

/** Records what servers report about themselves: a requested pause, a refused key, an unknown model, rate limits. */
export function serverSignals(events: Events, names: NameHints): Layer<Attempt, Reply> {
  return (next) =>
    function serverSignals(attempt) {
      const { state } = attempt.target;
      if (attempt.probe) state.startProbe(attempt);
      attempt.onEnd.push((end) => {
        if (end.failure !== undefined) recordSignals(attempt, end.failure);
        else if (end.outcome === 'success' && !attempt.call.hasOwnCredentials) {
          state.onAnswer(attempt);
          reportResumed(attempt);
        }
        state.endProbe(attempt);
      });
      return next(attempt).then((reply) => {
        if (!attempt.call.hasOwnCredentials) state.rateAdvice.read(reply.answer.headers, performance.now());
        if (!attempt.probe) return reply;
        // The first content of a stream already shows that the server answers.
        state.onAnswer(attempt);
        state.endProbe(attempt);
        return reply;
      });
    };

  function recordSignals({ call, target, startedAt }: Attempt, failure: Failure): void {
    const { state } = target;
    if (failure.outcome === 'model-not-found') reportUnknownModel(target);
    // The call used its own account.
    if (call.hasOwnCredentials) return;
    if (failure.headers !== undefined) state.rateAdvice.read(failure.headers, performance.now());
    if (failure.retryAfterMs !== undefined && (failure.status === 429 || failure.status === 503)) {
      state.pause(failure.endedAt + failure.retryAfterMs, failure, startedAt);
      events.emit({
        type: 'deployment-paused',
        deployment: state.id,
        forMs: failure.retryAfterMs,
        status: failure.status,
      });
    }
    if (failure.suspends) {
      const { client } = state;
      const wasSuspended = client.suspendedUntil > failure.endedAt;
      client.suspendedUntil = failure.endedAt + SUSPENSION_MS;
      // Reported once: with many calls in flight, one bad key is refused many times.
      if (wasSuspended) return;
      client.suspendedAt = failure.endedAt;
      const { status = null } = failure;
      const code = codeOf(failure.error);
      events.emit({ type: 'client-suspended', client: client.name, forMs: SUSPENSION_MS, status, code });
    }
  }

  /** Answers to requests from before the suspension do not count. */
  function reportResumed({ startedAt, target }: Attempt): void {
    const { client } = target.state;
    if (client.suspendedAt === undefined || client.suspendedUntil > performance.now()) return;
    if (startedAt < client.suspendedAt) return;
    client.suspendedAt = undefined;
    events.emit({ type: 'client-resumed', client: client.name });
  }

  function reportUnknownModel({ state, model }: Target): void {
    if (!events.hasListener('model-not-found')) return;
    const known = model === undefined ? undefined : names.nearest(model)[0];
    const shown = model === undefined ? null : cut(model);
    events.emit({ type: 'model-not-found', deployment: state.id, model: shown, nearest: known ?? null });
  }
}
