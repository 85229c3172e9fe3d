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
  /** Whether a call or attempt that begins now would be traced. */
  readonly isOn: boolean;
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
  #tracers: readonly Tracer[] = [];

  /** Whether any tracer is on. Without one, the router builds nothing for tracing. */
  get isOn(): boolean {
    for (const tracer of this.#tracers) if (isOn(tracer)) return true;
    return false;
  }

  add(tracer: Tracer): () => void {
    this.#tracers = [...this.#tracers, tracer];
    return () => {
      this.#tracers = this.#tracers.filter((each) => each !== tracer);
    };
  }

  aroundCall<T>(start: CallStart, run: () => T): T {
    let next = run;
    for (const tracer of this.#tracers) next = guarded((once) => tracer.aroundCall(start, once), next);
    return next();
  }

  aroundAttempt<T>(start: AttemptStart, run: () => T): T {
    let next = run;
    for (const tracer of this.#tracers) next = guarded((once) => tracer.aroundAttempt(start, once), next);
    return next();
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
}

function isOn(tracer: Tracer): boolean {
  try {
    return tracer.isOn;
  } catch {
    return false;
  }
}

/** Runs `run` once, whatever the tracer does. */
function guarded<T>(around: (once: () => T) => T, run: () => T): () => T {
  return () => {
    let result: { readonly value: T } | undefined;
    const once = () => {
      result ??= { value: run() };
      return result.value;
    };
    try {
      around(once);
    } catch {
      // A tracer's error must not fail the call.
    }
    return once();
  };
}
