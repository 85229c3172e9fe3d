import type { CallSettings } from './options/call-options.js';
import type { Addition } from './protocol/additions.js';
import type { DeliveredText } from './protocol/delivered.js';
import type { AttemptControl } from './state/attempt-control.js';
import type { DeploymentState } from './state/deployment-state.js';
import type { RetryBudget } from './state/retry-budget.js';
import type { Log } from './telemetry/log.js';
import type { AttemptRecord, CallRecord, HedgeAfter, KnownPrice, Outcome } from './telemetry/record-types.js';
import type { Input } from './tokens/read-input.js';
import type { CancelSignal } from './util/cancel-signal.js';

export type { CallSettings } from './options/call-options.js';
export type { CacheSettings } from './options/check-cache.js';

/** One account that requests can be sent to, as the engine sees it, without SDK classes. */
export interface Upstream {
  readonly name: string;
  /** For telemetry. */
  readonly baseURL?: string;
  /** The client's own limit for one attempt, if the application has set one. */
  readonly timeoutMs: number | undefined;
  /** Its requests can be ended without a signal. */
  readonly isClosable: boolean;
  send(request: UpstreamRequest): Promise<UpstreamAnswer>;
  /** Returns the error without any keys that it quotes, including those of the request. */
  redact(error: Error, source: unknown): Error;
  /** The same for a string. */
  redactText(text: string, source: unknown): string;
}

/** What one attempt sends. */
export interface UpstreamRequest {
  /** The entry point's own request. Attempts never change it. */
  readonly source: unknown;
  /** The upstream's name of the model; `undefined` leaves the request's model as it is. */
  readonly model: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The deployment's conversion of the body. */
  readonly adapt: Deployment['adapt'];
  /** Parameters that the router adds to the caller's body. */
  readonly additions: readonly Addition[];
  readonly timeoutMs: number;
  /** Replaces the caller's signal. `null`: no signal, because `onOpen` can end the request from its start. */
  readonly signal: AbortSignal | null | undefined;
  /**
   * Called with a function that ends the request, or the rest of the answer. Called when the headers arrive and,
   * without a signal, also at the start.
   */
  readonly onOpen: (close: () => void) => void;
  /** Called before the request is resent because its connection was dead. */
  readonly onResend: () => void;
  /** Whether the attempt has ended meanwhile. */
  readonly isOver: () => boolean;
  /** Called when the answer has arrived: whether to leave its body unread. */
  readonly wantsRaw: () => boolean;
}

/** A stream of parsed chunks that is still being read. */
export interface UpstreamStream {
  readonly chunks: AsyncIterator<unknown>;
  /** Whether the protocol's own end mark (`[DONE]`) was seen. */
  readonly doneSeen: boolean;
  readonly bytesRead: number;
  /** The parsed body if the server sent JSON instead of events; else `undefined`. */
  readonly json: unknown;
  /** The signal of the stream's own controller. */
  readonly signal: CancelSignal;
  /** The caller has aborted the stream itself. */
  readonly isAborted: boolean;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; meaningless for a stream or a raw answer. */
  readonly data: unknown;
  readonly stream: UpstreamStream | undefined;
  readonly raw: boolean;
  /** The unread body of a raw answer. */
  readonly body: object | null;
  /** What the entry point needs to return the answer; opaque to the engine. */
  readonly handle: unknown;
}

/** A model on an account. A plan chooses between deployments. */
export interface Deployment {
  readonly id: string;
  readonly upstream: Upstream;
  /** The upstream's name of the model; `undefined` for unlisted models. */
  readonly model: string | undefined;
  /** `undefined` also for unlisted models, whose targets have their own price. */
  readonly price: KnownPrice | undefined;
  /** Every region where it may run; empty if unknown. */
  readonly regions: readonly string[];
  readonly contextWindow: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly unsupported: ReadonlySet<Capability>;
  readonly streamUsage: boolean;
  readonly embeddingSpace: string | undefined;
  /** The deployment's own limit for one attempt. */
  readonly attemptTimeoutMs: number | undefined;
  /** Converts a body for its provider. */
  readonly adapt: ((body: Readonly<Record<string, unknown>>) => unknown) | undefined;
  readonly maxConcurrent: number | undefined;
  readonly maxQueue: number;
  /** Requests and tokens a minute. */
  readonly rpm: number | undefined;
  readonly tpm: number | undefined;
}

/** A feature that a deployment may lack; see `capabilities`. */
export type Capability =
  | 'tools'
  | 'parallelToolCalls'
  | 'jsonSchema'
  | 'vision'
  | 'audio'
  | 'logprobs'
  | 'multipleChoices';

/** A deployment that this call may use. `model` is the name that is sent. */
export interface Target {
  readonly state: DeploymentState;
  readonly model: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The same for a premium call. */
  readonly premiumHeaders: Readonly<Record<string, string>>;
  /** `undefined` if it is unknown before the call. */
  readonly price: KnownPrice | undefined;
}

/** The protocol of an endpoint, as far as the router distinguishes them. */
export type Protocol = 'chat' | 'completions' | 'responses' | 'embeddings' | 'json' | 'text' | 'binary';

/** What the cache needs from a request. Present only if the call has a cache. */
export interface CacheRequest {
  readonly path: string;
  /** `undefined` if it is not plain JSON. */
  readonly body: Record<string, unknown> | undefined;
  readonly query: unknown;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  readonly hasCredentials: boolean;
  /** The value of `X-Router-Cache`. */
  readonly directive: 'no-store' | 'no-cache' | undefined;
  /** Creates the request of a shared call: with this body and query, and its own signal. */
  readonly share: (body: unknown, query: unknown) => unknown;
}

/** The waits before a retry, and the budget that it draws on. */
export interface CallRetry {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly budget: RetryBudget;
}

/** A deployment that a call may not use. */
export interface Excluded {
  readonly target: Target;
  /** The reason, in words. */
  readonly why: string;
}

/** One call, on its way through the router. */
export interface Call {
  readonly protocol: Protocol;
  readonly stream: boolean;
  readonly source: unknown;
  /** As the caller gave it: JSON, a form, or nothing. */
  readonly body: unknown;
  /** The deployments that the call may use, in order. A spend limit may still exclude some. */
  targets: readonly Target[];
  /** The other deployments, and why they are excluded. */
  excluded: readonly Excluded[];
  readonly settings: CallSettings;
  /** `performance.now()` at its start, and at its deadline. */
  readonly startedAt: number;
  deadline: number;
  readonly signal: CancelSignal | undefined;
  readonly record: CallRecord;
  readonly failures: Failure[];
  readonly maxAttempts: number;
  /** The call itself set `attemptTimeoutMs`, so it overrides the deployment's own. */
  readonly attemptTimeoutIsOwn: boolean;
  /** The retry options, and the tokens for retries. */
  readonly retry: CallRetry;
  /** It brings its own credentials, so its results change no shared state. */
  readonly hasOwnCredentials: boolean;
  /** Present only if this call may be hedged. */
  readonly hedgeAfterMs: HedgeAfter | undefined;
  /** Its place in a queue: 0 goes first. */
  readonly rank: number;
  /** The tokens that it may use of a rate limit: its input and its longest output. Computed once, if a rate limit needs it. */
  readonly requestTokens: () => number;
  /** The number of choices (`n`). */
  readonly choices: number;
  /** The caller itself requested the usage of the stream. */
  readonly wantsUsage: boolean;
  readonly log: Log;
  readonly wantsRaw: () => boolean;
  /** Sealed items of unknown origin in the request: the first client that accepts them is remembered as their maker. */
  readonly sealedKeys?: readonly string[];
  readonly cacheRequest: CacheRequest | undefined;
  /** Several callers may wait for it, so its deadline can still move, and it always requests usage. */
  readonly isShared: boolean;
  /** `escalate` needs the probabilities of the answer's tokens. */
  needsLogprobs?: boolean;
  /** A shadow call. It only emits `shadow-ended`. */
  readonly isShadow?: true;
  /** Feedback for the order of its route; `undefined` for routes in listed order. */
  orderFeedback?: OrderFeedback;
  /** The call's reservation; present only under a spend limit. */
  spend: SpendReservation | undefined;
  /** The token counts of the body, computed once for all limits. */
  measured?: MeasuredInput;
}

export interface MeasuredInput {
  /** The body that was measured. */
  readonly given: unknown;
  readonly input: Input;
  /** The estimate for each model. */
  readonly tokens: Map<string | undefined, number>;
}

/** The reservation of a call until it ends. */
export interface SpendReservation {
  /** An attempt has ended at a cost of `usd`; the unused part of its reservation is released. */
  onAttemptEnd(attempt: number, usd: number): void;
  /** The highest cost of one attempt at the deployment, in US dollars. */
  maxAt(deployment: string): number;
  /** The work continues in the background: the reservation stays until `settle`. */
  defer(attempt: number): void;
  settle(): void;
}

/** Feedback from a call's attempts to the order of its route. */
export interface OrderFeedback {
  /** An answer, or a stream's first content. */
  answered(deployment: string, ms: number, outputTokens: number | undefined): void;
  /** An attempt that timed out, or lost to a hedge when it had already taken longer than most. */
  tookTooLong(deployment: string, ms: number): void;
}

/** One attempt of a call at one deployment. */
export interface Attempt {
  readonly call: Call;
  readonly target: Target;
  readonly record: AttemptRecord;
  readonly startedAt: number;
  /** Limits the attempt's time, and can end it. */
  readonly control: AttemptControl;
  /** Panic mode: the breaker is open, but so are all others. */
  readonly panic: boolean;
  /** The attempt probes a paused deployment, to find out whether the server answers again. */
  readonly probe: boolean;
  /** Set if `accept` judges its answer: called if another attempt of a hedged call wins meanwhile. */
  onLost?: (reply: Reply) => void;
  /** The `performance.now()` time of an answer that `accept` judges: the application's own time is not the deployment's. */
  answeredAt?: number;
  /** The end of an answer that the caller does not get: it was refused, lost, or broke while it was held. It is billed too. */
  unused?: AttemptEnd;
  /** Parameters that the router added to the request. */
  additions?: readonly Addition[];
  /** The time of a stream's first content, in milliseconds from the attempt's start. */
  firstContentMs?: number;
  /** The attempts of its hedged call; `undefined` for all other calls. */
  readonly hedged: HedgedAttempts | undefined;
  /** When its hedge is due, in milliseconds from its start; `undefined` without enough data. */
  readonly hedgeAfterMs: number | undefined;
  /** Runs once when the attempt has ended; for a stream, at the stream's end. */
  readonly onEnd: ((end: AttemptEnd) => void)[];
}

/** The attempts of a hedged call. */
export interface HedgedAttempts {
  /** One attempt has a valid answer: ends the others immediately. */
  win(winner: Attempt): void;
  /** An answer has come in time, but has yet to be accepted: no hedge is due, and another attempt may still win. */
  judge(attempt: Attempt, reply: Reply): void;
  /** An attempt's time is over: extends it if it may continue beside another one. */
  extend(attempt: Attempt): void;
  /** The stream that won has broken while it was held: the call goes on. */
  reopen(): void;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly outcome: Outcome;
  readonly breaker: 'success' | 'failure' | 'neutral';
  readonly failure: Failure | undefined;
  /** The HTTP status, if there was one. */
  readonly status: number | undefined;
  readonly usage: unknown;
  /** The service tier that the provider reported. */
  readonly serviceTier?: string | undefined;
  /** Items of a response, including calls of the provider's own tools. */
  readonly output?: unknown;
  /** The parsed answer, if it is not a stream. */
  readonly answer?: unknown;
  readonly servedModel: string | undefined;
  /** The provider's id of the answer. */
  readonly answerId: string | undefined;
  /** Keys of the sealed items in the answer; `undefined`: none. */
  readonly sealedKeys?: readonly string[] | undefined;
  readonly unfinished: boolean;
  /** Reads what a stream delivered; `undefined` if the answer is not a stream. */
  readonly delivered?: () => DeliveredText;
}

/** How an attempt failed, and what may follow. */
export interface Failure {
  readonly outcome: Outcome;
  readonly error: Error;
  readonly status: number | undefined;
  /** The answer's headers as they were sent: keys in them are masked only on the error itself. */
  readonly headers: Headers | undefined;
  /** The upstream's own error code, or the connection's. */
  readonly code: string | null;
  /** Only the error's text decided the outcome: it applies to this call, and changes no shared state. */
  readonly isFromText: boolean;
  readonly target: Target | undefined;
  readonly breaker: 'success' | 'failure' | 'neutral';
  /** Whether to retry the same deployment. `last`: only if no other deployment is left. */
  readonly retry: 'yes' | 'last' | 'no';
  /** Whether to fail over. `larger`: only to a larger context window. */
  readonly failover: 'yes' | 'no' | 'larger';
  /** The pause that the server requested. */
  readonly retryAfterMs: number | undefined;
  /** The failure suspends its client. */
  readonly suspends: boolean;
  /** Its timer fired late because the process was blocked, so it says nothing about the deployment. */
  readonly isStalled?: true;
  readonly endedAt: number;
  /** It failed before the connection attempt, so nothing was billed. */
  readonly notSent?: true;
  /** Drawn once, 0 to 1, so that the same plan always gives the same step. */
  readonly jitter: number;
}

/** A committed answer: there is no failover after this point. */
export interface Reply {
  readonly answer: UpstreamAnswer;
  readonly attempt: Attempt;
  /** The chunks of a stream, for the caller. */
  readonly chunks: AsyncIterator<unknown> | undefined;
  /** A stream's whole answer, if it was held back until its end. */
  readonly whole?: unknown;
  /** Runs `listener` when the answer has ended: immediately, unless it is a stream. */
  readonly onEnd: (listener: (end: AttemptEnd) => void) => void;
}

/** An answer without an attempt of this call: from the cache, or from an identical call in flight. */
export interface CachedReply {
  readonly cached: {
    /** The parsed answer, a separate copy for this caller; `undefined` for a stream. */
    readonly data: unknown;
    /** The headers of the upstream's answer, if they are still known. */
    readonly headers: Headers | undefined;
    readonly requestId: string | null;
  };
  readonly chunks: AsyncIterator<unknown> | undefined;
  readonly onEnd: (listener: (end: AttemptEnd) => void) => void;
}

/** The result of a call. */
export type CallReply = Reply | CachedReply;

export function isCached(reply: CallReply): reply is CachedReply {
  return 'cached' in reply;
}
