import { abortError } from '../../classify.js';
import type { Handler, Layer } from '../../pipeline.js';
import { round } from '../../prices/cost.js';
import { isStorable } from '../../protocol/storable.js';
import type { CachedAnswer, CacheStore } from '../../state/memory-store.js';
import type { Circumstances, Key, Question } from '../../state/question.js';
import type { Events } from '../../telemetry/events.js';
import type { AttemptEnd, CacheRequest, CacheSettings, Call, CallReply } from '../../types.js';
import { jsonCopy } from '../../util/canonical.js';
import { keptAnswer } from './cached-reply.js';
import { judge } from './eligibility.js';
import { answerVectors } from './embeddings.js';
import { copyForAnother, isOfTargets } from './errors.js';
import { digestOf, questionOf, restOf } from './key.js';
import { isPromise, Memory, type Recalled } from './lookup.js';
import { type Asker, learned, type Order, type Source } from './order.js';
import { isOnlyUsage, readAnswer } from './read-answer.js';
import { Flight, type Host } from './shared-call.js';
import { Flights } from './shared-calls.js';
import { SharedReader, type SharedStream } from './shared-stream.js';
import { endFor, headersOf, land } from './store-answer.js';

/** What the cache has come to since the router was made. */
export interface CacheTotals {
  hits: number;
  misses: number;
  joined: number;
  stale: number;
  /** US dollars, of what is known. */
  savedUsd: number;
  savedTokens: number;
}

export interface CacheParts {
  readonly store: () => CacheStore;
  readonly totals: CacheTotals;
  readonly events: Events;
  /** Around a refresh, which is a call of its own that nobody waits for. */
  readonly background: Layer<Call, CallReply>;
}

/** Answers from what is kept, joins what is in flight, and keeps what comes. Without the option it adds nothing. */
export function cache(parts: CacheParts): Layer<Call, CallReply> {
  return (next) => {
    const cached = new Cached(parts, next);
    return function cache(call) {
      const { cacheRequest, settings } = call;
      if (cacheRequest === undefined || settings.cache === undefined) return next(call);
      return cached.answer(call, cacheRequest, settings.cache);
    };
  };
}

class Cached implements Asker, Host {
  readonly memory: Memory;
  readonly next: Handler<Call, CallReply>;
  readonly #parts: CacheParts;
  readonly #background: Handler<Call, CallReply>;
  readonly #flights = new Flights();
  /** Of the call before. */
  #rest: Circumstances | undefined;

  constructor(parts: CacheParts, next: Handler<Call, CallReply>) {
    this.#parts = parts;
    this.memory = new Memory(parts.store);
    this.next = next;
    this.#background = parts.background(next);
  }

  /** Without an `await` on the way to an answer that is there. */
  answer(call: Call, request: CacheRequest, settings: CacheSettings): Promise<CallReply> {
    if (!judge(call).cacheable || request.body === undefined) return this.bypass(call);
    try {
      // From here on, what the caller does to its own is not what was asked, nor what a getter says another time.
      const body = jsonCopy(request.body);
      const asked: CacheRequest = { ...request, body, query: jsonCopy(request.query) };
      if (call.protocol === 'embeddings') return answerVectors(this, call, asked, body, settings);
      const key = this.#keyOf(call, asked, body);
      if (request.directive === 'no-cache') return this.fly(call, asked, this.#order(call, asked, key, settings));
      const found = this.memory.recall(key, settings, call.signal);
      if (isPromise(found))
        return Promise.resolve(found).then((late) => this.#decide(call, asked, settings, key, late));
      return this.#decide(call, asked, settings, key, found);
    } catch {
      // A body that cannot be written as JSON has no key; the SDK will say what is wrong with it.
      return this.bypass(call);
    }
  }

  /** Where the store is the router's own, mostly the question itself: nothing is written out or hashed. */
  #keyOf(call: Call, asked: CacheRequest, body: Question['body']): Key {
    const { own } = this.memory;
    if (own === undefined) return digestOf(call, asked);
    this.#rest = restOf(call, asked, this.#rest);
    return questionOf(this.#rest, body, own.largestQuestion) ?? digestOf(call, asked);
  }

  bypass(call: Call): Promise<CallReply> {
    call.record.cache = 'bypass';
    return this.next(call);
  }

  #decide(
    call: Call,
    request: CacheRequest,
    settings: CacheSettings,
    key: Key,
    found: Recalled | undefined,
  ): Promise<CallReply> {
    if (found === undefined) return this.fly(call, request, this.#order(call, request, key, settings));
    if (found.state !== 'error') {
      const reply = readAnswer(call, found.answer);
      if (reply !== undefined) {
        if (found.state === 'stale') this.refresh(call, request, this.#order(call, request, key, settings));
        this.tell(call, found.state === 'fresh' ? 'hit' : 'stale', [found.answer], found.ageMs);
        return Promise.resolve(reply);
      }
    }
    const reply = this.fly(call, request, this.#order(call, request, key, settings));
    if (found.ageMs >= settings.ttlMs + settings.staleIfErrorMs) return reply;
    return reply.catch((error: unknown) => {
      const kept = isOfTargets(error) ? readAnswer(call, found.answer) : undefined;
      if (kept === undefined) throw error;
      this.tell(call, 'stale-if-error', [found.answer], found.ageMs);
      return kept;
    });
  }

  #order(call: Call, request: CacheRequest, key: Key, settings: CacheSettings): Order {
    return {
      key,
      body: request.body ?? {},
      keep: (data, flight, requestId, text) => {
        if (!isStorable(call.protocol, data, settings.toolCalls)) return;
        const facts = { storedAt: Date.now(), requestId, ...learned(flight) };
        const { stream } = flight;
        const answer: CachedAnswer =
          stream === undefined
            ? { kind: 'json', text: text ?? JSON.stringify(data), ...facts }
            : { kind: 'chunks', text: `[${stream.texts.join()}]`, ...facts };
        this.memory.keep(key, answer, settings);
      },
    };
  }

  /** Asks upstream, or joins a call that does. */
  fly(call: Call, request: CacheRequest, order: Order): Promise<CallReply> {
    // An answer that is handed out unread cannot be shared, nor kept.
    if (call.wantsRaw()) return this.bypass(call);
    if (call.signal?.aborted) return Promise.reject(abortError(call.signal.reason));
    const { totals } = this.#parts;
    const isAlone = request.directive === 'no-cache';
    const joined = isAlone ? undefined : this.#flights.find(order.key, call, order.body);
    call.record.cache = joined === undefined ? 'miss' : 'joined';
    const flight = joined ?? this.#start(call, request, order, this.next, false, !isAlone);
    if (joined === undefined) totals.misses++;
    else totals.joined++;
    return flight.wait(call, this);
  }

  errorFor(call: Call, flight: Flight, error: unknown): unknown {
    if (!flight.isOwner(call)) return copyForAnother(error, call);
    flight.payOver(call.record);
    return error;
  }

  /** Asks upstream once more, behind an answer that is no longer fresh. */
  refresh(call: Call, request: CacheRequest, order: Order): void {
    if (this.#flights.find(order.key, call, order.body) !== undefined) return;
    const startedAt = performance.now();
    const behind: Call = {
      ...call,
      startedAt,
      deadline: startedAt + call.settings.deadlineMs,
      signal: undefined,
      record: { ...call.record, id: `${call.record.id}-refresh`, attempts: [], cache: 'refresh', providerUsage: null },
    };
    this.#start(behind, request, order, this.#background, true, true);
  }

  /** Counts and tells an answer that nobody was asked for. */
  tell(
    call: Call,
    how: 'hit' | 'joined' | 'stale' | 'stale-if-error',
    from: readonly Source[],
    ageMs: number | null,
  ): void {
    const { totals, events } = this.#parts;
    const { record } = call;
    record.cache = how;
    const [first] = from;
    record.deployment = first?.deployment ?? null;
    record.servedModel = first?.servedModel ?? null;
    record.region = first?.region ?? null;
    if (call.stream) record.timeToFirstChunkMs = performance.now() - call.startedAt;
    if (how === 'hit') totals.hits++;
    else if (how !== 'joined') totals.stale++;
    const savedUsd = this.save(from);
    if (events.heard('cache-hit')) events.emit({ type: 'cache-hit', callId: record.id, how, ageMs, savedUsd });
  }

  /** Books what these answers would have cost. */
  save(from: readonly Source[]): number | null {
    const { totals } = this.#parts;
    let saved: number | null = 0;
    for (const { costUsd, tokens } of from) {
      totals.savedUsd += costUsd ?? 0;
      totals.savedTokens += tokens ?? 0;
      saved = saved === null || costUsd === null ? null : saved + costUsd;
    }
    return saved === null ? null : round(saved);
  }

  #start(
    call: Call,
    request: CacheRequest,
    { key, body, keep }: Order,
    next: Handler<Call, CallReply>,
    isRefresh: boolean,
    canBeJoined: boolean,
  ): Flight {
    // What is sent an application's own client may change; a question stays what it was.
    const sent = jsonCopy(body);
    const flight: Flight = new Flight({
      key,
      call,
      body: sent,
      source: request.share(sent, jsonCopy(request.query)),
      next,
      isRefresh,
      onLanded: (reply, landed) => land(reply, landed, keep),
      onOver: () => {
        if (canBeJoined) this.#flights.remove(flight);
      },
    });
    if (canBeJoined) this.#flights.add(flight);
    return flight;
  }

  /** The one who bears the cost gets the answer as it came, everybody else one of its own. */
  handOut(call: Call, flight: Flight, reply: CallReply): CallReply | Promise<CallReply> {
    if (flight.stream !== undefined) return this.#handOutStream(call, flight, flight.stream, reply);
    if (flight.isOwner(call)) {
      flight.payOver(call.record);
      return reply;
    }
    if (!flight.isCopied) return this.bypass(call);
    this.tell(call, 'joined', [learned(flight)], null);
    const data = flight.copyForAnother();
    if (data !== null && typeof data === 'object' && 'usage' in data) call.record.providerUsage = data.usage;
    const headers = headersOf(reply);
    return keptAnswer(data, headers?.get('x-request-id') ?? null, headers);
  }

  #handOutStream(call: Call, flight: Flight, stream: SharedStream, reply: CallReply): CallReply {
    const headers = headersOf(reply);
    const listeners: ((end: AttemptEnd) => void)[] = [];
    let end: AttemptEnd | undefined;
    const { record } = call;
    const { deployment, region } = flight.call.record;
    Object.assign(record, { deployment, region, timeToFirstChunkMs: performance.now() - call.startedAt });
    if (flight.isOwner(call)) record.attempts = flight.call.record.attempts;
    const finish = (how: 'ended' | 'left' | { readonly error: unknown }) => {
      if (how === 'left') flight.leave(call);
      else if (flight.isOwner(call)) flight.payOver(record);
      else this.tell(call, 'joined', [learned(flight)], null);
      flight.finish(call);
      end = endFor(how, stream);
      for (const listener of listeners.splice(0)) listener(end);
    };
    const chunks = new SharedReader(stream, {
      signal: call.signal,
      isHidden: (chunk) => !call.wantsUsage && isOnlyUsage(chunk),
      errorFor: (error, read) => (flight.isOwner(call) ? error : copyForAnother(error, call, read)),
      onOver: finish,
    });
    return {
      kept: { data: undefined, headers, requestId: headers?.get('x-request-id') ?? null },
      chunks,
      onEnd: (listener) => {
        if (end === undefined) listeners.push(listener);
        else listener(end);
      },
    };
  }
}
