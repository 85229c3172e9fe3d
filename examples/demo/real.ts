// With keys in the environment: a few small calls to the real service.
import { type CallRecord, callOptions, callRecord } from 'model-router';
import { newRouter } from './models.ts';

const messages = [{ role: 'user' as const, content: 'In one short sentence: what does a circuit breaker do?' }];
const usd = (cost: number | null) => (cost === null ? 'unknown' : `$${cost.toFixed(7)}`);

/** Prints the result of a call, including a failed one. */
function report(what: string, text: string, record: CallRecord | undefined): void {
  console.log(`\n${what}: ${text}`);
  for (const { number, deployment, outcome, status, durationMs, error } of record?.attempts ?? []) {
    const why = error === null ? '' : ` (${error})`;
    console.log(
      `  attempt ${number}: ${deployment} ${status ?? '-'} ${outcome} after ${durationMs.toFixed(0)} ms${why}`,
    );
  }
  if (record === undefined) return;
  const { requestedModel, servedModel, usage, durationMs, timeToFirstChunkMs, costUsd } = record;
  const first = timeToFirstChunkMs === null ? '' : `, first content after ${timeToFirstChunkMs.toFixed(0)} ms`;
  console.log(`  requested ${requestedModel}, served by ${servedModel ?? '-'}, ${durationMs.toFixed(0)} ms${first}`);
  if (usage !== null) console.log(`  ${usage.inputTokens} + ${usage.outputTokens} tokens, ${usd(costUsd)}`);
}

/** @returns whether all of it was answered */
export async function runReal(env: NodeJS.ProcessEnv): Promise<boolean> {
  const { GLOBAL_API_KEY: apiKey, GLOBAL_API_BASE_URL: baseURL = 'https://global-apis.com/v1' } = env;
  const { GLOBAL_API_FALLBACK_KEY: fallbackKey = apiKey, GLOBAL_API_PRO_KEY: proKey = apiKey } = env;
  const router = newRouter(
    {
      default: { apiKey, baseURL },
      fallback: { apiKey: fallbackKey, baseURL },
      pro: { apiKey: proKey, baseURL },
    },
    { deadlineMs: 30_000 },
  );
  let answered = 0;
  /** Counts the answered calls, and prints all. */
  const attempt = async (what: string, call: () => Promise<{ text: string; holder: unknown }>) => {
    try {
      const { text, holder } = await call();
      answered += 1;
      report(what, text, callRecord(holder));
    } catch (error) {
      report(what, `failed: ${error instanceof Error ? error.message : error}`, callRecord(error));
    }
  };

  console.log(`Calling ${baseURL}, a few tokens each.\n`);
  for (const { deployment, ok, latencyMs, servedModel, error } of await router.check()) {
    console.log(
      `${ok ? 'ok    ' : 'FAILED'} ${deployment}: ${servedModel ?? error?.message}, ${latencyMs.toFixed(0)} ms`,
    );
  }
  const body = { model: 'auto', messages, max_tokens: 60 };
  await attempt('standard', async () => {
    const holder = await router.chat.completions.create(body);
    return { text: holder.choices[0]?.message.content ?? '', holder };
  });
  await attempt('stream', async () => {
    const holder = await router.chat.completions.create({ ...body, stream: true });
    let text = '';
    for await (const chunk of holder) text += chunk.choices[0]?.delta.content ?? '';
    return { text, holder };
  });
  await attempt('premium', async () => {
    const holder = await router.chat.completions.create(body, callOptions({ priority: 'premium' }));
    return { text: holder.choices[0]?.message.content ?? '', holder };
  });
  await router.close();
  return answered === 3;
}
