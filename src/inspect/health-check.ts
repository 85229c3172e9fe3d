import { codeOf, describe, statusOf } from '../classify.js';
import { callOptions } from '../request/call-options.js';
import type { CallReader } from '../request/read-call.js';
import type { RequestOptions } from '../sdk/request-headers.js';
import type { Protocol } from '../types.js';
import { checkKeys, checkMs, checkRecord } from '../util/check.js';
import { roundMs } from '../util/round-ms.js';

/** The result for one deployment. */
export interface CheckResult {
  deployment: string;
  ok: boolean;
  latencyMs: number;
  servedModel: string | null;
  /** In words, without keys and upstream text; `null` if the deployment works. */
  error: { message: string; status: number | null; code: string | null } | null;
}

/** Options of `router.check()`. */
export interface CheckOptions {
  /** Time per deployment, in milliseconds. @default 10_000, or the router's own if that is shorter */
  deadlineMs?: number | undefined;
}

/** Sends each listed deployment one request: for one token, or for one embedding. */
export function checkAll(reader: CallReader, options: CheckOptions): Promise<CheckResult[]> {
  checkKeys('check', checkRecord('check', options, 'an object such as { deadlineMs: 5000 }'), ['deadlineMs']);
  const { deadlineMs = Math.min(10_000, reader.engine.config.options.deadlineMs ?? 10_000) } = options;
  checkMs('check.deadlineMs', deadlineMs);
  return Promise.all([...reader.engine.config.deployments.keys()].map((id) => checkOne(reader, id, deadlineMs)));
}

async function checkOne(reader: CallReader, deployment: string, deadlineMs: number): Promise<CheckResult> {
  const startedAt = performance.now();
  const result = (rest: Pick<CheckResult, 'ok' | 'servedModel' | 'error'>): CheckResult => ({
    deployment,
    latencyMs: roundMs(performance.now() - startedAt),
    ...rest,
  });
  try {
    return result({ ok: true, servedModel: await probe(reader, deployment, deadlineMs), error: null });
  } catch (error) {
    const shown = { message: describe(error), status: statusOf(error), code: codeOf(error) };
    return result({ ok: false, servedModel: null, error: shown });
  }
}

const messages = [{ role: 'user', content: 'ping' }];

interface Probe {
  readonly protocol: Protocol;
  readonly path: string;
  readonly body: object;
}

/** The probe request of a deployment, chosen by its model's name: reasoning models refuse `max_tokens`. */
function probeOf({ model, embeddingSpace }: { model: string; embeddingSpace?: string | undefined }): Probe {
  if (embeddingSpace !== undefined || /embed|\b(?:bge|gte|e5)-/i.test(model))
    return { protocol: 'embeddings', path: '/embeddings', body: { input: 'ping' } };
  const limit = /(?:^|\/)(?:o\d|gpt-[5-9])/i.test(model) ? 'max_completion_tokens' : 'max_tokens';
  return { protocol: 'chat', path: '/chat/completions', body: { messages, [limit]: 1 } };
}

/** Whether the server accepts the model and the key, and only refuses how the one-token limit is written. */
function isAboutLimit(error: unknown): boolean {
  const status = statusOf(error);
  if (!(error instanceof Error) || (status !== 400 && status !== 422)) return false;
  const param: unknown = Reflect.get(error, 'param');
  return /max_(?:completion_|output_)?tokens/.test(`${typeof param === 'string' ? param : ''} ${error.message}`);
}

async function probe(reader: CallReader, deployment: string, deadlineMs: number): Promise<string | null> {
  const config = reader.engine.config.deployments.get(deployment);
  const { protocol, path, body } = probeOf(config ?? { model: deployment });
  const request: RequestOptions = {
    ...callOptions({ deadlineMs }),
    method: 'post',
    path,
    body: { model: deployment, ...body },
    __security: { bearerAuth: true },
  };
  const { call } = reader.read(request, protocol, () => false);
  const targets = call.targets.filter((target) => target.state.id === deployment);
  const settings = { ...call.settings, maxInputTokens: undefined, maxCostUsd: undefined };
  try {
    await reader.engine.handle({ ...call, settings, targets, maxAttempts: 1, cacheRequest: undefined });
  } catch (error) {
    if (!isAboutLimit(error)) throw error;
  }
  return call.record.servedModel;
}
