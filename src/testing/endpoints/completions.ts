import { type Draft, draft } from '../draft.js';
import { asBoolean, asNumber, asObject, asString, type JsonObject, unixSeconds } from '../json.js';
import { sse, sseDone } from '../sse.js';
import { piecesOf, tokensOf } from '../tokens.js';
import { promptUsage } from '../usage.js';
import { json, type ModelCall, type ModelEndpoint, type StreamEvent } from './endpoint.js';

export const completions: ModelEndpoint = {
  path: '/completions',
  required: ['model', 'prompt'],

  plain: (call) => {
    const said = draftOf(call);
    const usage = promptUsage(said.usage);
    const choices = prompts(call.body).map((prompt, index) =>
      choice(index, echoed(call, prompt) + said.text, said.finishReason, call),
    );
    return json({ ...envelope(call), choices, ...(usage && { usage }) });
  },

  *events(call) {
    const said = draftOf(call);
    const withUsage = asBoolean(asObject(call.body.stream_options).include_usage);
    const base = { ...envelope(call), ...(withUsage && { usage: null }) };
    const event = (part: StreamEvent['part'], index: number, text: string, finish: string | null): StreamEvent => ({
      part,
      text: sse({ ...base, choices: [choice(index, text, finish, call)] }),
    });
    const requested = [...prompts(call.body).entries()];
    for (const [index, prompt] of requested) {
      if (echoed(call, prompt) !== '') yield event('content', index, prompt, null);
    }
    for (const piece of piecesOf(said.text, call.answer.chunks)) {
      for (const [index] of requested) yield event('content', index, piece, null);
    }
    if (said.finishReason !== null) {
      for (const [index] of requested) yield event('finish', index, '', said.finishReason);
    }
    const usage = promptUsage(said.usage);
    if (withUsage && usage) yield { part: 'usage', text: sse({ ...base, choices: [], usage }) };
    yield { part: 'done', text: sseDone };
  },
};

function draftOf(call: ModelCall): Draft {
  return draft(call, { input: call.body.prompt, n: prompts(call.body).length });
}

/** One entry per choice: each prompt `n` times. */
function prompts({ prompt, n }: JsonObject): string[] {
  const single = !Array.isArray(prompt) || prompt.every((token) => typeof token === 'number');
  const times = Math.max(1, asNumber(n) ?? 1);
  return (single ? [prompt] : prompt).flatMap((text) => Array<string>(times).fill(asString(text) ?? ''));
}

function echoed({ body }: ModelCall, prompt: string): string {
  return body.echo === true ? prompt : '';
}

function envelope(call: ModelCall): JsonObject {
  return {
    id: call.newId('cmpl-'),
    object: 'text_completion',
    created: unixSeconds(),
    model: call.servedModel,
    system_fingerprint: 'fp_fake',
  };
}

function choice(index: number, text: string, finish: string | null, { body, answer }: ModelCall): JsonObject {
  return {
    index,
    text,
    logprobs: typeof body.logprobs === 'number' ? logprobs(text, answer) : null,
    finish_reason: finish,
  };
}

function logprobs(text: string, { logprob }: ModelCall['answer']): JsonObject {
  const tokens = tokensOf(text, logprob);
  return {
    tokens: tokens.map((token) => token.token),
    token_logprobs: tokens.map((token) => token.logprob),
    top_logprobs: tokens.map((token) => ({ [token.token]: token.logprob })),
    text_offset: tokens.map((_, index) => 4 * index),
  };
}
