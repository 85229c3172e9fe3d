import { type Draft, draft, requiredTool } from '../draft.js';
import { asBoolean, asNumber, asObject, type JsonObject, unixSeconds } from '../json.js';
import { sse, sseDone } from '../sse.js';
import { countTokens, piecesOf, tokensOf } from '../tokens.js';
import { promptUsage } from '../usage.js';
import { json, type ModelCall, type ModelEndpoint, type StreamEvent } from './endpoint.js';

export const chat: ModelEndpoint = {
  path: '/chat/completions',
  required: ['model', 'messages'],

  plain: (call) => {
    const { body, answer } = call;
    const said = draftOf(call);
    const usage = promptUsage(said.usage);
    const completion = {
      ...envelope(call, 'chat.completion'),
      choices: indices(body).map((index) => ({
        index,
        message: messageOf(said),
        logprobs: body.logprobs === true ? logprobsOf(said.text, answer.logprob) : null,
        finish_reason: said.finishReason,
      })),
      ...(usage && { usage }),
    };
    if (body.store === true) storeAnswer(call, completion);
    return json(completion);
  },

  *events(call) {
    const { body } = call;
    const said = draftOf(call);
    const withUsage = asBoolean(asObject(body.stream_options).include_usage);
    const base = { ...envelope(call, 'chat.completion.chunk'), ...(withUsage && { usage: null }) };
    const choices = indices(body);
    const chunk = (
      part: StreamEvent['part'],
      index: number,
      delta: JsonObject,
      rest: JsonObject = {},
    ): StreamEvent => ({
      part,
      text: sse({ ...base, choices: [{ index, delta, logprobs: null, finish_reason: null, ...rest }] }),
    });
    for (const index of choices) yield chunk('start', index, { role: 'assistant', content: '', refusal: null });
    for (const { delta, logprobs } of deltas(said, call)) {
      for (const index of choices) yield chunk('content', index, delta, logprobs && { logprobs });
    }
    if (said.finishReason !== null) {
      for (const index of choices) yield chunk('finish', index, {}, { finish_reason: said.finishReason });
    }
    const usage = promptUsage(said.usage);
    if (withUsage && usage) yield { part: 'usage', text: sse({ ...base, choices: [], usage }) };
    yield { part: 'done', text: sseDone };
  },
};

function draftOf(call: ModelCall): Draft {
  const { body } = call;
  const format = asObject(body.response_format);
  const schema = format.type === 'json_object' ? true : asObject(format.json_schema).schema;
  return draft(call, {
    input: body.messages,
    jsonSchema: format.type === 'text' ? undefined : schema,
    requiredTool: requiredTool(body, (tool) => tool.function),
    n: indices(body).length,
  });
}

function envelope(call: ModelCall, object: string): JsonObject {
  return {
    id: call.newId('chatcmpl-'),
    object,
    created: unixSeconds(),
    model: call.servedModel,
    service_tier: 'default',
    system_fingerprint: 'fp_fake',
  };
}

function indices(body: JsonObject): number[] {
  return Array.from({ length: Math.max(1, asNumber(body.n) ?? 1) }, (_, index) => index);
}

function messageOf(said: Draft): JsonObject {
  return {
    role: 'assistant',
    content: said.text === '' && (said.toolCalls.length > 0 || said.refusal !== undefined) ? null : said.text,
    refusal: said.refusal ?? null,
    ...(said.reasoning !== '' && { reasoning_content: said.reasoning }),
    ...(said.toolCalls.length > 0 && {
      tool_calls: said.toolCalls.map(({ id, name, arguments: text }) => ({
        id,
        type: 'function',
        function: { name, arguments: text },
      })),
    }),
    annotations: [],
  };
}

function logprobsOf(text: string, logprob: ModelCall['answer']['logprob'], first = 0): JsonObject {
  return { content: tokensOf(text, logprob, first).map((token) => ({ ...token, top_logprobs: [] })), refusal: null };
}

function* deltas(said: Draft, { answer, body }: ModelCall): Generator<{ delta: JsonObject; logprobs?: JsonObject }> {
  const { chunks } = answer;
  const count = typeof chunks === 'number' ? chunks : undefined;
  for (const piece of piecesOf(said.reasoning, count)) yield { delta: { reasoning_content: piece } };
  for (const piece of piecesOf(said.refusal ?? '', count)) yield { delta: { refusal: piece } };
  let tokens = 0;
  for (const piece of said.text === '' ? [] : piecesOf(said.text, chunks)) {
    const logprobs = body.logprobs === true ? logprobsOf(piece, answer.logprob, tokens) : undefined;
    tokens += countTokens(piece);
    yield { delta: { content: piece }, ...(logprobs && { logprobs }) };
  }
  for (const [index, { id, name, arguments: text }] of said.toolCalls.entries()) {
    yield { delta: { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] } };
    for (const piece of piecesOf(text, 2)) yield { delta: { tool_calls: [{ index, function: { arguments: piece } }] } };
  }
}

function storeAnswer({ body, store, newId }: ModelCall, completion: JsonObject & { readonly id?: unknown }): void {
  const messages = Array.isArray(body.messages) ? body.messages : [];
  const id = String(completion.id);
  store.completions.add(id, { ...completion, metadata: body.metadata ?? null });
  store.messages.add(
    id,
    messages.map((message) => ({ id: newId('msg_'), ...asObject(message) })),
  );
}
