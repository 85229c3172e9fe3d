import { codeOf, describe, statusOf } from './classify.js';
import type { CallReader } from './request/calls.js';
import type { RequestOptions } from './sdk/request-headers.js';
import type { Protocol } from './types.js';

/** How one deployment answered. */
export interface CheckResult {
  deployment: string;
  ok: boolean;
  latencyMs: number;
  servedModel: string | null;
  /** In words that hold no key and no upstream text; `null` if it works. */
  error: { message: string; status: number | null; code: string | null } | null;
}

/** Asks each listed deployment for one token, or for one embedding where it declares a space of vectors. */
export function checkAll(reader: CallReader): Promise<CheckResult[]> {
  return Promise.all([...reader.engine.config.deployments.keys()].map((id) => checkOne(reader, id)));
}

async function checkOne(reader: CallReader, deployment: string): Promise<CheckResult> {
  const embeds = reader.engine.config.deployments.get(deployment)?.embeddingSpace !== undefined;
  const startedAt = performance.now();
  const result = (rest: Pick<CheckResult, 'ok' | 'servedModel' | 'error'>): CheckResult => ({
    deployment,
    latencyMs: performance.now() - startedAt,
    ...rest,
  });
  try {
    const model = embeds
      ? await ask(reader, deployment, 'embeddings', { input: 'ping' })
      : await askChat(reader, deployment);
    return result({ ok: true, servedModel: model, error: null });
  } catch (error) {
    const told = { message: describe(error), status: statusOf(error), code: codeOf(error) };
    return result({ ok: false, servedModel: null, error: told });
  }
}

/** Newer models refuse `max_tokens`, older ones do not know its successor. */
async function askChat(reader: CallReader, deployment: string): Promise<string | null> {
  const messages = [{ role: 'user', content: 'ping' }];
  try {
    return await ask(reader, deployment, 'chat', { messages, max_tokens: 1 });
  } catch (error) {
    if (statusOf(error) !== 400) throw error;
    return ask(reader, deployment, 'chat', { messages, max_completion_tokens: 1 });
  }
}

async function ask(reader: CallReader, deployment: string, protocol: Protocol, body: object): Promise<string | null> {
  const path = protocol === 'chat' ? '/chat/completions' : '/embeddings';
  const request: RequestOptions = {
    method: 'post',
    path,
    body: { model: deployment, ...body },
    __security: { bearerAuth: true },
  };
  const { call } = reader.read(request, protocol, () => false);
  const targets = call.targets.filter((target) => target.state.id === deployment);
  await reader.engine.handle({ ...call, targets, maxAttempts: 1, cacheRequest: undefined });
  return call.record.servedModel;
}
