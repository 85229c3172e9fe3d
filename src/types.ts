import type { CallSettings } from './options/call-options.js';
import type { Addition } from './protocol/additions.js';
import type { DeliveredText } from './protocol/delivered.js';
import type { DeploymentState } from './state/deployment-state.js';
import type { RetryBudget } from './state/retry-budget.js';
import type { Log } from './telemetry/log.js';
import type { AttemptRecord, CallRecord, HedgeAfter, KnownPrice, Outcome } from './telemetry/record-types.js';
import type { Input } from './tokens/read-input.js';
import type { CancelSignal } from './util/cancel-signal.js';

export type { CallSettings } from './options/call-options.js';
export type { CacheSettings } from './options/check-cache.js';

/** One account that can be asked, as the engine sees it: it knows nothing of SDK classes. */
export interface Upstream {
  readonly name: string;
  /** Its own limit for one attempt, where the application has set one. */
  readonly timeoutMs: number | undefined;
  /** Its requests can be ended without a signal. */
  readonly isClosable: boolean;
  send(request: UpstreamRequest): Promise<UpstreamAnswer>;
  /** Gives back an error without the keys that it may quote, those of the request too. */
  redact(error: Error, source: unknown): Error;
  /** The same for a text. */
  redactText(text: string, source: unknown): string;
}

/** What one attempt sends. */
export interface UpstreamRequest {
  /** The door's own request, never changed by an attempt. */
  readonly source: unknown;
  /** The upstream's name of the model; `undefined` leaves the request's own, also none. */
  readonly model: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** What its deployment makes of the body. */
  readonly adapt: Deployment['adapt'];
  /** What the router adds to the caller's body. */
  readonly additions: readonly Addition[];
  readonly timeoutMs: number;
  /** In place of the caller's; `null`: none, as `onOpen` gets what ends the request from its beginning on. */
  readonly signal: AbortSignal | null | undefined;
  /** Called with what ends the request, or the rest of the answer: with the headers, and before where there is no signal. */
  readonly onOpen: (close: () => void) => void;
  /** Called before the request is sent again, as it met a dead connection. */
  readonly onResend: () => void;
  /** The attempt has ended meanwhile. */
  readonly isOver: () => boolean;
  /** Asked after that: is the body to be left unread? */
  readonly wantsRaw: () => boolean;
}

/** A stream of parsed chunks that is still being read. */
export interface UpstreamStream {
  readonly chunks: AsyncIterator<unknown>;
  /** Whether the protocol's own end mark (`[DONE]`) was seen. */
  readonly doneSeen: () => boolean;
  readonly bytesRead: () => number;
  /** Of the stream's own controller. */
  readonly signal: CancelSignal;
  /** The caller has aborted the stream itself. */
  readonly aborted: () => boolean;
}

export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; of no use for a stream or a raw answer. */
  readonly data: unknown;
  readonly stream: UpstreamStream | undefined;
  readonly raw: boolean;
  /** What the rest of a raw answer is read from. */
  readonly body: object | null;
  /** What the door needs to hand the answer out; the engine does not look into it. */
  readonly handle: unknown;
}

/** A model on an account: what a plan chooses between. */
export interface Deployment {
  readonly id: string;
  readonly upstream: Upstream;
  /** The upstream's name of the model; `undefined` for the models that are not listed. */
  readonly model: string | undefined;
  /** `undefined` also for the models that are not listed: there each target has its own. */
  readonly price: KnownPrice | undefined;
  /** Every region where it may run; empty where that is unknown. */
  readonly regions: readonly string[];
  readonly contextWindow: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly unsupported: ReadonlySet<Capability>;
  readonly streamUsage: boolean;
  readonly embeddingSpace: string | undefined;
  /** Its own limit for one attempt. */
  readonly attemptTimeoutMs: number | undefined;
  /** Changes a body into what its provider takes. */
  readonly adapt: ((body: Readonly<Record<string, unknown>>) => unknown) | undefined;
  readonly maxConcurrent: number | undefined;
  readonly maxQueue: number;
  /** Requests and tokens a minute. */
  readonly rpm: number | undefined;
  readonly tpm: number | undefined;
}

export type Capability =
  | 'tools'
  | 'parallelToolCalls'
  | 'jsonSchema'
  | 'vision'
  | 'audio'
  | 'logprobs'
  | 'multipleChoices';

/** A deployment that this call may use: `model` is what is sent there. */
export interface Target {
  readonly state: DeploymentState;
  readonly model: string | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The same for a premium call. */
  readonly premiumHeaders: Readonly<Record<string, string>>;
  /** `undefined` where it is not known before the call. */
  readonly price: KnownPrice | undefined;
}

/** The protocol of an endpoint, as far as it matters to the router. */
export type Protocol = 'chat' | 'completions' | 'responses' | 'embeddings' | 'json' | 'text' | 'binary';

/** What the cache needs to know of a request. There only where the call has a cache. */
export interface CacheRequest {
  readonly path: string;
  /** `undefined` where it is not plain JSON. */
  readonly body: Record<string, unknown> | undefined;
  readonly query: unknown;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  readonly hasCredentials: boolean;
  /** What was said by `X-Router-Cache`. */
  readonly directive: 'no-store' | 'no-cache' | undefined;
  /** The same request for a run that several callers share: with this body and query, and a signal of the run's own. */
  readonly share: (body: unknown, query: unknown) => unknown;
}

/** The waits before a retry, and the budget that it draws on. */
export interface CallRetry {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly budget: RetryBudget;
}

/** One request of the user, on its way through the router. */
export interface Call {
  readonly protocol: Protocol;
  readonly stream: boolean;
  readonly source: unknown;
  /** As the caller gave it: JSON, a form, or nothing. */
  readonly body: unknown;
  /** Those that may be asked, in order. A limit of money may leave some of them out yet. */
  targets: readonly Target[];
  /** Why others may not, in words. */
  excluded: readonly string[];
  readonly settings: CallSettings;
  /** `performance.now()` at its start and at the moment by which it must have ended. */
  readonly startedAt: number;
  deadline: number;
  readonly signal: CancelSignal | undefined;
  readonly record: CallRecord;
  readonly failures: Failure[];
  readonly maxAttempts: number;
  /** `attemptTimeoutMs` was set for this very call, so it goes before a deployment's own. */
  readonly attemptTimeoutIsOwn: boolean;
  /** How the same deployment is tried again, and the tokens for it. */
  readonly retry: CallRetry;
  /** It brings credentials of its own: what happens to it changes nothing that other calls share. */
  readonly hasOwnCredentials: boolean;
  /** There only where this call may be hedged. */
  readonly hedgeAfterMs: HedgeAfter | undefined;
  /** Its place in a queue: 0 goes first. */
  readonly rank: number;
  /** The tokens that it may take of a rate: its input and the most output. Read once, where a rate needs it. */
  readonly requestTokens: () => number;
  /** How many choices were asked for (`n`). */
  readonly choices: number;
  /** The caller asked for the usage of a stream itself. */
  readonly wantsUsage: boolean;
  readonly log: Log;
  readonly wantsRaw: () => boolean;
  /** Sealed items in the request that no client is known to have made: the first client that accepts them keeps them. */
  readonly sealedKeys?: readonly string[];
  readonly cacheRequest: CacheRequest | undefined;
  /** Several callers may wait for it: its deadline may yet move, and its usage is asked for whoever began it. */
  readonly isShared: boolean;
  /** Its answer is judged by the probabilities of its tokens. */
  needsLogprobs?: boolean;
  /** It is no caller's: nothing is reported of it but `shadow-ended`. */
  readonly isShadow?: true;
  /** What the order of its route learns from its attempts; `undefined` for routes in listed order. */
  orderFeedback?: OrderFeedback;
  /** What is reserved for it; there only under a limit of money. */
  spend: SpendHold | undefined;
  /** What a limit has counted of a body: read once. */
  measured?: MeasuredInput;
}

export interface MeasuredInput {
  /** The body that was read. */
  readonly given: unknown;
  readonly input: Input;
  /** The estimate for each model. */
  readonly tokens: Map<string | undefined, number>;
}

/** What is reserved for a call until it is over. */
export interface SpendHold {
  /** An attempt has ended and costs `usd`: what it can cost no more is released. */
  onAttemptEnd(attempt: number, usd: number): void;
  /** The most that an attempt may cost there, in US dollars. */
  maxAt(deployment: string): number;
  /** The work goes on in the background: what is reserved stays so until `settle`. */
  defer(attempt: number): void;
  settle(): void;
}

/** What the order of a route learns from a call's attempts. */
export interface OrderFeedback {
  /** An answer, or a stream's first content. */
  answered(deployment: string, ms: number, outputTokens: number | undefined): void;
  /** An attempt that was waited for in vain. */
  gaveUp(deployment: string, ms: number): void;
}

/** One try. */
export interface Attempt {
  readonly call: Call;
  readonly target: Target;
  readonly record: AttemptRecord;
  readonly startedAt: number;
  timeoutMs: number;
  /** Its time ends with the call's. */
  untilDeadline: boolean;
  /** Ask even though the breaker is open: everything else is out too. */
  readonly panic: boolean;
  /** It goes through a pause, to find out whether the server answers again. */
  readonly probe: boolean;
  /** Ends what is left of the upstream's answer; there once its headers are. Until then the client's own timer ends it. */
  close: (() => void) | undefined;
  /** How the answer ended that `accept` refused: it is billed all the same. */
  refused?: AttemptEnd;
  /** What its request holds that the caller did not write. */
  additions?: readonly Addition[];
  /** Of a stream: when its first content came, in milliseconds after its start. */
  firstContentMs?: number;
  /** Its time is up, or its caller has gone away. */
  isOver: boolean;
  /** Its place among the attempts of a hedged call; `undefined` for all other calls. */
  slot: HedgeSlot | undefined;
  /** What must happen once when the attempt is over; for a stream that is the stream's end. */
  readonly onEnd: ((end: AttemptEnd) => void)[];
}

/** What ties an attempt of a hedged call to those that run beside it. */
export interface HedgeSlot {
  /** When another deployment is asked too, in milliseconds after its start; `undefined` where too little is known. */
  readonly afterMs: number | undefined;
  /** It has a valid answer: the others end at this very moment. */
  readonly win: () => void;
  /** Its time is up: for how many milliseconds it may go on beside another one; 0 if it must end. */
  readonly moreMs: () => number;
  /** Ends it, because another one has won. Set by the layer that ends attempts. */
  cancel: () => void;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly outcome: Outcome;
  readonly breaker: 'success' | 'failure' | 'neutral';
  readonly failure: Failure | undefined;
  /** The HTTP status, where there was one. */
  readonly status: number | undefined;
  readonly usage: unknown;
  /** The tier that served it, as the provider named it. */
  readonly serviceTier?: string | undefined;
  /** Items of a response, among them calls of the provider's own tools. */
  readonly output?: unknown;
  /** The parsed answer, where it is no stream. */
  readonly answer?: unknown;
  readonly servedModel: string | undefined;
  /** The provider's id of the answer. */
  readonly answerId: string | undefined;
  /** Of the sealed items in the answer; `undefined`: none. */
  readonly sealedKeys?: readonly string[] | undefined;
  readonly unfinished: boolean;
  /** Reads what a stream delivered; `undefined` where the answer is no stream. */
  readonly delivered?: () => DeliveredText;
}

/** What a failed attempt means for what comes next. */
export interface Failure {
  readonly outcome: Outcome;
  readonly error: Error;
  readonly status: number | undefined;
  /** The upstream's own code, or that of a broken connection. */
  readonly code: string | null;
  /** Words alone say so: it counts for this call, and changes nothing that other calls share. */
  readonly byWords: boolean;
  readonly target: Target | undefined;
  readonly breaker: 'success' | 'failure' | 'neutral';
  /** Try the same deployment again? `last`: only where no other deployment is left. */
  readonly retry: 'yes' | 'last' | 'no';
  /** Ask another one? `larger`: only one with a larger context window. */
  readonly failover: 'yes' | 'no' | 'larger';
  /** How long the server asked us to stay away. */
  readonly retryAfterMs: number | undefined;
  /** Its client is of no use for a while. */
  readonly suspends: boolean;
  /** Its timer was late: the process stood still, and nothing is known of the deployment. */
  readonly isStalled?: true;
  readonly endedAt: number;
  /** It failed before a connection was tried: nothing can have been billed. */
  readonly notSent?: true;
  /** Drawn once, 0 to 1, so that a plan gives the same answer whenever it is asked. */
  readonly jitter: number;
}

/** A committed answer: from here on no other deployment is asked. */
export interface Reply {
  readonly answer: UpstreamAnswer;
  readonly attempt: Attempt;
  /** The chunks to hand out, where the answer is a stream. */
  readonly chunks: AsyncIterator<unknown> | undefined;
  /** A stream's whole answer, where it was held back until its end. */
  readonly whole?: unknown;
  /** Runs `listener` when the answer has ended: at once, unless it is a stream. */
  readonly onEnd: (listener: (end: AttemptEnd) => void) => void;
}

/** An answer that no attempt of this call stands behind: a cached one, or that of an equal call in flight. */
export interface CachedReply {
  readonly cached: {
    /** The parsed answer, for this caller alone; `undefined` for a stream. */
    readonly data: unknown;
    /** The headers of the upstream's answer, where they are still known. */
    readonly headers: Headers | undefined;
    readonly requestId: string | null;
  };
  readonly chunks: AsyncIterator<unknown> | undefined;
  readonly onEnd: (listener: (end: AttemptEnd) => void) => void;
}

/** What a call comes to. */
export type CallReply = Reply | CachedReply;

export function isCached(reply: CallReply): reply is CachedReply {
  return 'cached' in reply;
}
