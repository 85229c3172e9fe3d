import { codeOf, describe, statusOf } from '../classify.js';
import { callOptions } from '../request/call-options.js';
import type { CallReader } from '../request/read-call.js';
import type { RequestOptions } from '../sdk/request-headers.js';
import type { Protocol } from '../types.js';
import { checkKeys, checkMs } from '../util/check.js';

/** How one deployment answered. */
export interface CheckResult {
  deployment: string;
  ok: boolean;
  latencyMs: number;
  servedModel: string | null;
  /** In words that hold no key and no upstream text; `null` if it works. */
  error: { message: string; status: number | null; code: string | null } | null;
}

export interface CheckOptions {
  /** For each deployment, in milliseconds. @default 10_000, or the router's own if that is shorter */
  deadlineMs?: number;
}

/** Asks each listed deployment for one token, or for one embedding where it has no chat. */
export function checkAll(reader: CallReader, options: CheckOptions): Promise<CheckResult[]> {
  const { deadlineMs = Math.min(10_000, reader.engine.config.options.deadlineMs ?? 10_000) } = options;
  checkKeys('check', options, ['deadlineMs']);
  checkMs('check.deadlineMs', deadlineMs);
  return Promise.all([...reader.engine.config.deployments.keys()].map((id) => checkOne(reader, id, deadlineMs)));
}

async function checkOne(reader: CallReader, deployment: string, deadlineMs: number): Promise<CheckResult> {
  const startedAt = performance.now();
  const result = (rest: Pick<CheckResult, 'ok' | 'servedModel' | 'error'>): CheckResult => ({
    deployment,
    latencyMs: performance.now() - startedAt,
    ...rest,
  });
  try {
    return result({ ok: true, servedModel: await askAny(reader, deployment, deadlineMs), error: null });
  } catch (error) {
    const told = { message: describe(error), status: statusOf(error), code: codeOf(error) };
    return result({ ok: false, servedModel: null, error: told });
  }
}

const messages = [{ role: 'user', content: 'ping' }];
/** What a deployment may be for, likeliest first; newer models refuse `max_tokens`, older ones do not know its successor. */
const QUESTIONS: readonly { protocol: Protocol; path: string; body: object }[] = [
  { protocol: 'chat', path: '/chat/completions', body: { messages, max_tokens: 1 } },
  { protocol: 'chat', path: '/chat/completions', body: { messages, max_completion_tokens: 1 } },
  { protocol: 'embeddings', path: '/embeddings', body: { input: 'ping' } },
];

/** Throws the error of the first question where none is answered. */
async function askAny(reader: CallReader, deployment: string, deadlineMs: number): Promise<string | null> {
  let first: unknown;
  const embeds = reader.engine.config.deployments.get(deployment)?.embeddingSpace !== undefined;
  for (const question of QUESTIONS) {
    if (embeds && question.protocol === 'chat') continue;
    try {
      return await ask(reader, deployment, question, deadlineMs);
    } catch (error) {
      first ??= error;
      const status = statusOf(error);
      if (status !== 400 && status !== 404 && status !== 422) break;
    }
  }
  throw first;
}

async function ask(
  reader: CallReader,
  deployment: string,
  { protocol, path, body }: (typeof QUESTIONS)[number],
  deadlineMs: number,
): Promise<string | null> {
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
  await reader.engine.handle({ ...call, settings, targets, maxAttempts: 1, cacheRequest: undefined });
  return call.record.servedModel;
}
