import type { ShadowConfig } from '../options/check-judge.js';
import type { Handler, Layer } from '../pipeline.js';
import { confidenceOf, wantsJson } from '../protocol/confidence.js';
import { fromChunks } from '../protocol/join-chunks.js';
import { whyNeverShared } from '../protocol/never-shared.js';
import { readNeeds } from '../protocol/requirements.js';
import type { Capacity } from '../state/capacity.js';
import type { SpendLedger } from '../state/spend-ledger.js';
import type { Events } from '../telemetry/events.js';
import { type Call, type CallReply, isCached, type Reply, type Target } from '../types.js';
import type { CancelSignal } from '../util/cancel-signal.js';
import { isRecord } from '../util/is-record.js';
import { isWithin } from '../util/is-within.js';
import { jsonText } from '../util/json-text.js';
import { seenChunks } from '../util/seen-chunks.js';
import { keepAlive } from './keep-alive.js';
import { isFullAt } from './view-targets.js';

/** A streamed answer with more chunks gets no shadow call, to limit memory. */
const MAX_CHUNKS = 20_000;
/** Shadow traffic stops when less than this share of a budget is left. */
const MIN_BUDGET_LEFT = 0.2;

/** The shadow settings of a route. */
export interface ShadowRule {
  readonly config: ShadowConfig;
  readonly target: Target;
}

export interface ShadowParts {
  readonly events: Events;
  readonly rule: (route: string | null) => ShadowRule | undefined;
  readonly ledger: SpendLedger | undefined;
  readonly capacity: Capacity;
  readonly random: () => number;
  /** Sends and bills the call, without a record of its own. */
  readonly send: Handler<Call, CallReply>;
  /** Aborted when the router closes. */
  readonly signal: CancelSignal;
  /** Whether background work outlives the request that started it. */
  readonly runsInBackground: boolean;
}

/** The answer that the caller got. */
interface Answered {
  readonly primary: () => unknown;
  readonly servedModel: string | null;
}

/**
 * Also sends a share of a route's calls to another deployment, after the caller has its answer. It never delays, fails
 * or changes that answer.
 */
export class Shadow {
  readonly #parts: ShadowParts;
  readonly #running = new Map<string, number>();
  #warned = false;

  constructor(parts: ShadowParts) {
    this.#parts = parts;
  }

  /** Below `escalate`: it sees the first answer, with the probabilities that `calibrate` needs. */
  layer(): Layer<Call, CallReply> {
    const { rule: ruleOf, random } = this.#parts;
    return (next) => {
      const watched = async (call: Call, rule: ShadowRule) => this.#watch(call, rule, await next(call));
      return function shadow(call) {
        const rule = ruleOf(call.record.route);
        if (rule === undefined || call.wantsRaw() || !mayBeShadowed(call, rule.target)) return next(call);
        if (random() >= rule.config.share) return next(call);
        if (call.protocol !== 'completions') call.needsLogprobs = true;
        return watched(call, rule);
      };
    };
  }

  /** Starts the shadow call when the answer has ended successfully. It compares a copy. */
  #watch(call: Call, rule: ShadowRule, reply: CallReply): CallReply {
    if (isCached(reply) || reply.answer.raw) return reply;
    const { chunks } = reply;
    const seen: string[] = [];
    if (chunks === undefined) seen.push(jsonText(reply.answer.data));
    reply.onEnd(({ outcome, servedModel = null }) => {
      if (outcome !== 'success' || seen.length >= MAX_CHUNKS) return;
      const parts = () => seen.map((text): unknown => JSON.parse(text));
      const primary = () => (chunks === undefined ? parts()[0] : fromChunks(call.protocol, parts()));
      this.#start(call, rule, { primary, servedModel });
    });
    if (chunks === undefined) return reply;
    const store = (chunk: unknown) => {
      if (seen.length < MAX_CHUNKS) seen.push(jsonText(chunk));
    };
    return { ...reply, chunks: seenChunks(chunks, store) };
  }

  #start(call: Call, rule: ShadowRule, answered: Answered): void {
    const { runsInBackground } = this.#parts;
    if (!runsInBackground && call.settings.waitUntil === undefined) {
      if (!this.#warned)
        call.log.warn('shadow calls are dropped: this runtime ends with the request; give `waitUntil`');
      this.#warned = true;
      return this.#drop(call, 'the runtime ends with the request, and there is no `waitUntil`');
    }
    // No error may reach the caller.
    keepAlive(
      call,
      this.#runLater(call, rule, answered).catch(() => undefined),
    );
  }

  async #runLater(call: Call, rule: ShadowRule, answered: Answered): Promise<void> {
    // After the caller's own continuation, so that the caller gets the answer first.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const why = this.#whyDropped(call, rule);
    if (why !== undefined) return this.#drop(call, why);
    const key = call.record.route ?? '';
    this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    try {
      await this.#run(call, rule, answered);
    } finally {
      this.#running.set(key, (this.#running.get(key) ?? 1) - 1);
    }
  }

  #drop({ record }: Call, why: string): void {
    const { events } = this.#parts;
    if (events.hasListener('shadow-dropped'))
      events.emit({ type: 'shadow-dropped', callId: record.id, route: record.route, why });
  }

  #whyDropped(call: Call, { config, target }: ShadowRule): string | undefined {
    const { ledger, capacity, signal } = this.#parts;
    if (signal.aborted) return 'the router is closed';
    if ((this.#running.get(call.record.route ?? '') ?? 0) >= config.maxConcurrent)
      return 'maxConcurrent shadow calls are running';
    // In the queue it would delay callers.
    if (isFullAt(call, target, capacity, performance.now())) return 'its deployment is full';
    const left = ledger?.leastLeft({ route: call.record.route, tenant: call.settings.tenant }) ?? 1;
    return left < MIN_BUDGET_LEFT ? 'less than 20 % of a budget is left' : undefined;
  }

  async #run(call: Call, { config, target }: ShadowRule, answered: Answered): Promise<void> {
    const { events, send } = this.#parts;
    const primary = answered.primary();
    const shadow = shadowOf(call, target, this.#parts.signal);
    let good: boolean | null = null;
    try {
      const reply = (await send(shadow)) as Reply;
      if (config.compare !== undefined && primary !== undefined) {
        const result = await config.compare({ primary, shadow: JSON.parse(jsonText(reply.answer.data)) });
        good = result === true;
      }
    } finally {
      // Also where it failed: it may have cost something.
      const sent = shadow.record.attempts.at(-1);
      if (sent !== undefined && events.hasListener('shadow-ended'))
        events.emit({
          type: 'shadow-ended',
          callId: call.record.id,
          route: call.record.route,
          deployment: target.state.id,
          scores: confidenceOf(primary, wantsJson(call.body)),
          good,
          costUsd: sent.costUsd,
          servedModel: answered.servedModel,
        });
    }
  }
}

/** Whether the request may go there as well: its caller's restrictions, and the deployment's capabilities. */
function mayBeShadowed(call: Call, { state }: Target): boolean {
  const { deployment } = state;
  const { regions } = call.settings;
  if (call.hasOwnCredentials || call.isShadow || !isRecord(call.body) || call.body instanceof FormData) return false;
  if (call.protocol !== 'chat' && call.protocol !== 'responses' && call.protocol !== 'completions') return false;
  if (whyNeverShared(call.protocol, call.body) !== undefined) return false;
  if (regions !== undefined && !isWithin(deployment.regions, regions)) return false;
  const needs = readNeeds(call.body);
  return needs.storedIds.length === 0 && ![...needs.capabilities].some((need) => deployment.unsupported.has(need));
}

/** The same request as a separate call: not streamed, one attempt, with its own deadline and signal. */
function shadowOf(call: Call, target: Target, signal: CancelSignal): Call {
  const startedAt = performance.now();
  const { stream: _stream, stream_options: _options, ...body } = call.body as Record<string, unknown>;
  const source = { ...(call.source as object), body, stream: false, signal: null };
  const route = `${call.record.route} (shadow)`;
  const { orderFeedback: _feedback, ...rest } = call;
  return {
    ...rest,
    source,
    body,
    stream: false,
    targets: [target],
    excluded: [],
    startedAt,
    deadline: startedAt + call.settings.deadlineMs,
    signal,
    record: { ...call.record, id: `${call.record.id}-shadow`, route, attempts: [], escalated: false },
    failures: [],
    maxAttempts: 1,
    hedgeAfterMs: undefined,
    wantsRaw: () => false,
    cacheRequest: undefined,
    isShared: false,
    isShadow: true,
    needsLogprobs: false,
    spend: undefined,
  };
}
