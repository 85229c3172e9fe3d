// The application of the demo: written for an OpenAI client, so a plain one and a router run the very same code.
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from 'model-router/simulate';
import type { OpenAI } from 'openai';
import type { Tally } from './tally.ts';
import { reply } from './weather.ts';

interface Planned {
  readonly atMs: number;
  readonly kind: 'standard' | 'premium' | 'stream';
}

/** The model names of a side for `standard` and `premium`. */
interface Names {
  readonly standard: string;
  readonly premium: string;
}

/** The calls and their times: the same for the same seed. */
export function schedule(seed: number, totalMs: number, perSecond: number): Planned[] {
  const random = seededRandom(seed);
  const planned: Planned[] = [];
  for (let atMs = 0; atMs < totalMs; atMs += (0.5 + random()) * (1000 / perSecond)) {
    const drawn = random();
    planned.push({ atMs, kind: drawn < 0.15 ? 'premium' : drawn < 0.4 ? 'stream' : 'standard' });
  }
  return planned;
}

/** Makes all calls at their times, and resolves when the last one has ended or `signal` has ended them. */
export async function run(
  client: OpenAI,
  names: Names,
  calls: readonly Planned[],
  { elapsed, signal, tally }: { elapsed: () => number; signal: AbortSignal; tally: Tally },
): Promise<void> {
  const running: Promise<void>[] = [];
  for (const { atMs, kind } of calls) {
    await sleep(Math.max(0, atMs - elapsed()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const model = kind === 'premium' ? names.premium : names.standard;
    running.push(tally.watch(kind === 'stream' ? stream(client, model, signal) : send(client, model, signal), signal));
  }
  await Promise.all(running);
}

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'How long does a refund take?' }];

/** Resolves to whether the answer was complete. */
async function send(client: OpenAI, model: string, signal: AbortSignal): Promise<boolean> {
  const completion = await client.chat.completions.create({ model, messages }, { signal });
  return completion.choices[0]?.message.content === reply;
}

async function stream(client: OpenAI, model: string, signal: AbortSignal): Promise<boolean> {
  const chunks = await client.chat.completions.create({ model, messages, stream: true }, { signal });
  let text = '';
  for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? '';
  return text === reply;
}
