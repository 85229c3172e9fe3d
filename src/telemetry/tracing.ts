import type { AttemptRecord, CallRecord } from './record-types.js';

/** The start of a call. */
export interface CallStart {
  /** Filled in during the call. */
  readonly record: CallRecord;
}

/** The start of an attempt. */
export interface AttemptStart {
  readonly callId: string;
  /** Filled in when it ends. */
  readonly record: AttemptRecord;
  /** The `model` that is sent; `null` if none is. */
  readonly model: string | null;
  readonly client: string;
  readonly region: string | null;
  readonly baseURL: string | undefined;
}

export interface EndedError {
  readonly name: string;
  readonly status: number | null;
  readonly code: string | null;
}

/**
 * Observes calls and attempts in the async context in which they run, which events cannot: the context around `run` is
 * active in everything that it starts. Each started call and attempt ends once, also after `close()`.
 */
export interface Tracer {
  aroundCall<T>(start: CallStart, run: () => T): T;
  callEnded(record: CallRecord, error: EndedError | null): void;
  /** The call waits for another call's answer. */
  joined(callId: string, runId: string): void;
  aroundAttempt<T>(start: AttemptStart, run: () => T): T;
  attemptEnded(record: AttemptRecord): void;
  /** Headers to send with the request. */
  headersFor(record: AttemptRecord): Readonly<Record<string, string>> | undefined;
}

/** Under this symbol `model-router/otel` finds the tracers of a router, whichever copy of the package created it. */
export const TRACING: unique symbol = Symbol.for('model-router.tracing') as never;

/** The tracers of a router. A tracer that throws does not affect calls. */
export class Tracing {
  readonly #tracers = new Set<Tracer>();
  /** Whether there are any. Without tracers nothing is built for them. */
  isOn = false;

  add(tracer: Tracer): () => void {
    this.#tracers.add(tracer);
    this.isOn = true;
    return () => {
      this.#tracers.delete(tracer);
      this.isOn = this.#tracers.size > 0;
    };
  }

  aroundCall<T>(start: CallStart, run: () => T): T {
    return this.#around((tracer, next) => tracer.aroundCall(start, next), run);
  }

  aroundAttempt<T>(start: AttemptStart, run: () => T): T {
    return this.#around((tracer, next) => tracer.aroundAttempt(start, next), run);
  }

  callEnded(record: CallRecord, error: EndedError | null): void {
    this.#each((tracer) => tracer.callEnded(record, error));
  }

  joined(callId: string, runId: string): void {
    this.#each((tracer) => tracer.joined(callId, runId));
  }

  attemptEnded(record: AttemptRecord): void {
    this.#each((tracer) => tracer.attemptEnded(record));
  }

  headersFor(record: AttemptRecord): Readonly<Record<string, string>> | undefined {
    let headers: Readonly<Record<string, string>> | undefined;
    this.#each((tracer) => {
      const more = tracer.headersFor(record);
      if (more !== undefined) headers = { ...headers, ...more };
    });
    return headers;
  }

  #each(action: (tracer: Tracer) => void): void {
    for (const tracer of this.#tracers) {
      try {
        action(tracer);
      } catch {
        // A tracer's error must not fail the call.
      }
    }
  }

  #around<T>(around: (tracer: Tracer, next: () => T) => T, run: () => T): T {
    let next = run;
    for (const tracer of this.#tracers) {
      const inner = next;
      next = () => guarded(tracer, around, inner);
    }
    return next();
  }
}

/** Runs `run` once, whatever the tracer does. */
function guarded<T>(tracer: Tracer, around: (tracer: Tracer, next: () => T) => T, run: () => T): T {
  let result: { readonly value: T } | undefined;
  const once = () => {
    result ??= { value: run() };
    return result.value;
  };
  try {
    around(tracer, once);
  } catch {
    // A tracer's error must not fail the call.
  }
  return once();
}
