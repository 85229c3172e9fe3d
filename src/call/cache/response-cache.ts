import { abortError } from '../../classify.js';
import type { Handler, Layer } from '../../pipeline.js';
import { round } from '../../prices/cost.js';
import { storableCheck } from '../../protocol/storable.js';
import type { CacheStore } from '../../state/cache-store.js';
import type { CacheSize } from '../../state/memory-store.js';
import type { Events } from '../../telemetry/events.js';
import type { Tracing } from '../../telemetry/tracing.js';
import type { CacheRequest, Call, CallReply } from '../../types.js';
import { isPromise } from '../../util/is-promise.js';
import { jsonText } from '../../util/json-text.js';
import { roundMs } from '../../util/round-ms.js';
import { keepAlive } from '../keep-alive.js';
import { cachedAnswer } from './cached-reply.js';
import { deliverStream, drain } from './deliver-stream.js';
import { copyForAnother } from './errors.js';
import { type FetchTask, type Source, sourceOf } from './fetch-task.js';
import { sharedKeyOf } from './key.js';
import { CacheLookup } from './lookup.js';
import type { Participant } from './participant.js';
import { dataOf, headersOf, requestIdOf } from './reply-parts.js';
import { SharedCall } from './shared-call.js';
import { SharedCalls } from './shared-calls.js';
import { SharedStream } from './shared-stream.js';

/** Totals of the cache since the router was created. */
export interface CacheTotals {
  hits: number;
  misses: number;
  joined: number;
  stale: number;
  /** In US dollars, for answers of known cost. */
  savedUsd: number;
  savedTokens: number;
}

export interface CacheParts {
  readonly store: () => CacheStore;
  /** For the router's own store; `undefined` for an application's store, which limits itself and sees hashed keys. */
  readonly size: CacheSize | undefined;
  /** Calls of different requests may wait for one another. */
  readonly shareInFlight: boolean;
  readonly totals: CacheTotals;
  readonly events: Events;
  readonly tracing: Tracing;
  /** Wraps a refresh, which is a separate call in the background. */
  readonly background: Layer<Call, CallReply>;
}

/** Other processes wait this long for one that claimed a refresh and died. */
const MAX_CLAIM_MS = 10_000;

export type CacheUseOfHit = 'hit' | 'joined' | 'stale' | 'stale-if-error';

/**
 * The cache, for the code that answers a call from it: stored answers, and requests upstream that equal calls in flight
 * share and whose answers are stored.
 */
export class ResponseCache {
  readonly lookup: CacheLookup;
  readonly #next: Handler<Call, CallReply>;
  readonly #parts: CacheParts;
  readonly #background: Handler<Call, CallReply>;
  readonly #shared = new SharedCalls();

  constructor(parts: CacheParts, next: Handler<Call, CallReply>) {
    this.#parts = parts;
    this.lookup = new CacheLookup(parts.store, parts.size);
    this.#next = next;
    this.#background = parts.background(next);
  }

  /** Sends the call upstream, without the cache. */
  bypass(call: Call): Promise<CallReply> {
    call.record.cache = 'bypass';
    return this.#next(call);
  }

  /** Sends the call upstream, or joins an equal call in flight. */
  async fetch(call: Call, request: CacheRequest, task: FetchTask): Promise<CallReply> {
    // An answer that is returned unread can be neither shared nor stored.
    if (call.wantsRaw()) return this.bypass(call);
    if (call.signal?.aborted) throw abortError(call.signal.reason);
    const { totals, shareInFlight } = this.#parts;
    const sharedKey = shareInFlight && request.directive !== 'no-cache' ? sharedKeyOf(call, task) : undefined;
    const joined = sharedKey === undefined ? undefined : this.#shared.find(sharedKey);
    call.record.cache = joined === undefined ? 'miss' : 'joined';
    if (joined === undefined) totals.misses++;
    else {
      totals.joined++;
      this.#parts.tracing.joined(call.record.id, joined.call.record.id);
    }
    const shared = joined ?? this.#create(call, request, task, this.#next, sharedKey, false);
    const participant = shared.join(call);
    if (joined === undefined) this.#start(shared, sharedKey);
    return this.#receive(shared, participant, request, task);
  }

  /** Fetches upstream in the background. Returns false if the platform would end that: then fetch in the foreground. */
  refresh(call: Call, request: CacheRequest, task: FetchTask): boolean {
    const { waitUntil } = call.settings;
    if (waitUntil === undefined && !this.#parts.shareInFlight) return false;
    if (this.#shared.find(sharedKeyOf(call, task)) !== undefined) return true;
    const claimed = this.lookup.claimRefresh(task.key, Math.min(call.settings.deadlineMs, MAX_CLAIM_MS));
    if (claimed === true) this.#startRefresh(call, request, task);
    else if (claimed !== false)
      keepAlive(
        call,
        claimed.then((isOurs) => {
          if (isOurs) this.#startRefresh(call, request, task);
        }),
      );
    return true;
  }

  #startRefresh(call: Call, request: CacheRequest, task: FetchTask): void {
    const sharedKey = sharedKeyOf(call, task);
    if (this.#shared.find(sharedKey) !== undefined) return;
    const startedAt = performance.now();
    const refreshing: Call = {
      ...call,
      startedAt,
      deadline: startedAt + call.settings.deadlineMs,
      signal: undefined,
      record: { ...call.record, id: `${call.record.id}-refresh`, attempts: [], cache: 'refresh', providerUsage: null },
    };
    const shared = this.#create(refreshing, request, task, this.#background, sharedKey, true);
    this.#start(shared, sharedKey);
    if (shared.done !== undefined) keepAlive(call, shared.done);
  }

  /** Counts an answer without a cost, and writes it into the record. */
  useCached(call: Call, how: CacheUseOfHit, from: readonly Source[], ageMs: number | null): void {
    const { totals, events } = this.#parts;
    const { record } = call;
    record.cache = how;
    const [first] = from;
    record.deployment = first?.deployment ?? null;
    record.servedModel = first?.servedModel ?? null;
    record.region = first?.region ?? null;
    if (call.stream) record.timeToFirstChunkMs = roundMs(performance.now() - call.startedAt);
    if (how === 'hit') totals.hits++;
    else if (how !== 'joined') totals.stale++;
    const savedUsd = this.addSaved(from);
    if (events.hasListener('cache-hit')) events.emit({ type: 'cache-hit', callId: record.id, how, ageMs, savedUsd });
  }

  /** Adds the cost that these answers saved. */
  addSaved(from: readonly Source[]): number | null {
    const { totals } = this.#parts;
    let saved: number | null = 0;
    for (const { costUsd, tokens } of from) {
      totals.savedUsd += costUsd ?? 0;
      totals.savedTokens += tokens ?? 0;
      saved = saved === null || costUsd === null ? null : saved + costUsd;
    }
    return saved === null ? null : round(saved);
  }

  #create(
    call: Call,
    request: CacheRequest,
    task: FetchTask,
    next: Handler<Call, CallReply>,
    /** `undefined`: the call cannot be joined. */
    sharedKey: string | undefined,
    isRefresh: boolean,
  ): SharedCall {
    const shared: SharedCall = new SharedCall({
      call,
      body: task.body,
      source: request.share(task.body, request.query),
      next,
      isRefresh,
      onReply: (reply) => this.#store(reply, shared, task),
      onOver: () => {
        if (sharedKey !== undefined) this.#shared.remove(sharedKey, shared);
      },
    });
    return shared;
  }

  /** From now on, equal calls join it. */
  #start(shared: SharedCall, sharedKey: string | undefined): void {
    if (sharedKey !== undefined) this.#shared.add(sharedKey, shared);
    shared.start();
  }

  /** Stores the answer if allowed, before any caller gets it. */
  #store(reply: CallReply, shared: SharedCall, task: FetchTask): void {
    if (reply.chunks !== undefined) return this.#storeStream(reply, reply.chunks, shared, task);
    const data = dataOf(reply);
    try {
      const text = () => {
        shared.text ??= jsonText(data);
        return shared.text;
      };
      if (shared.hasOthers) text();
      const fetched = { data, text, isStream: false, source: sourceOf(shared), requestId: requestIdOf(reply, data) };
      const stored = task.store(fetched);
      if (isPromise(stored)) keepAlive(shared.call, stored);
      shared.resolve(stored);
    } catch {
      // An application's client has added something that JSON cannot represent: only the first caller gets it.
      shared.resolve();
    }
  }

  #storeStream(reply: CallReply, source: AsyncIterator<unknown>, shared: SharedCall, task: FetchTask): void {
    const stream: SharedStream = new SharedStream({
      reply,
      source,
      check: storableCheck(shared.call.protocol, task.toolCalls),
      maxHeld: this.#parts.size?.maxBytes ?? Number.POSITIVE_INFINITY,
      onTooLarge: () => shared.end(),
      onEnd: ({ outcome, unfinished }) => {
        shared.end();
        const text = outcome === 'success' && !unfinished ? stream.storable : undefined;
        if (text === undefined) return shared.resolve();
        const fetched = { data: undefined, text: () => text, isStream: true, source: sourceOf(shared) };
        const stored = task.store({ ...fetched, requestId: requestIdOf(reply, undefined) });
        if (isPromise(stored)) keepAlive(shared.call, stored);
        shared.resolve(stored);
      },
    });
    shared.stream = stream;
    if (shared.isRefresh) void drain(stream);
  }

  /** Waits for the result of a shared call on behalf of one caller, in that caller's own async context. */
  async #receive(
    shared: SharedCall,
    participant: Participant,
    request: CacheRequest,
    task: FetchTask,
  ): Promise<CallReply> {
    const { call } = participant;
    const reply = await participant.reply.catch((error: unknown) => {
      const isOwner = shared.isOwner(participant);
      if (isOwner) shared.chargeTo(call.record);
      throw isOwner || participant.hasLeft ? error : copyForAnother(error, call);
    });
    if (participant.hasLeft) throw abortError(call.signal?.reason);
    const { stream } = shared;
    if (stream !== undefined) {
      const fetchAgain = () => this.fetch(call, request, task);
      const onJoinedEnd = () => this.useCached(call, 'joined', [sourceOf(shared)], null);
      return deliverStream({ shared, stream, participant, reply, fetchAgain, onJoinedEnd });
    }
    const isOwner = shared.isOwner(participant);
    shared.finish(participant);
    if (isOwner) {
      shared.chargeTo(call.record);
      return reply;
    }
    if (shared.text === undefined) return this.bypass(call);
    this.useCached(call, 'joined', [sourceOf(shared)], null);
    const data: unknown = JSON.parse(shared.text);
    if (typeof data === 'object' && data !== null && 'usage' in data) call.record.providerUsage = data.usage;
    const headers = headersOf(reply);
    return cachedAnswer(data, headers?.get('x-request-id') ?? null, headers);
  }
}
