import { type Draft, draft, requiredTool } from '../draft.js';
import { errorBody } from '../error-body.js';
import { asArray, asObject, asString, isObject, type JsonObject, unixSeconds } from '../json.js';
import { sse } from '../sse.js';
import { tokensOf } from '../tokens.js';
import { inputUsage } from '../usage.js';
import { json, type ModelCall, type ModelEndpoint } from './endpoint.js';
import { responseEvents } from './response-events.js';

export const responses: ModelEndpoint = {
  path: '/responses',
  required: ['model'],

  refuse: ({ previous_response_id: previous, conversation }, store) => {
    if (typeof previous === 'string' && store.responses.get(previous) === undefined) {
      const message = `Previous response with id '${previous}' not found.`;
      return json(errorBody(400, { message, param: 'previous_response_id', code: 'previous_response_not_found' }), 400);
    }
    const id = conversationId(conversation);
    if (id !== undefined && store.conversations.get(id) === undefined) {
      return json(errorBody(404, { message: `Conversation with id '${id}' not found.` }), 404);
    }
    return undefined;
  },

  plain: (call) => {
    const response = responseOf(call);
    if (call.body.background !== true) return json(storeAnswer(call, response));
    // A background response is completed at its first retrieval.
    const queued = { ...response, status: 'queued', output: [], usage: null, completed_at: null };
    call.store.backgroundResponses.add(response.id, response);
    return json(storeAnswer(call, queued));
  },

  *events(call) {
    const response = responseOf(call);
    const { chunks, logprob, finishReason } = call.answer;
    storeAnswer(call, { ...response, status: 'in_progress', output: [], usage: null });
    for (const event of responseEvents(response, { chunks, logprob, unfinished: finishReason === null })) {
      if (event.part === 'finish') storeAnswer(call, response);
      yield event;
    }
  },

  errorEvent: ({ code, message, param }, eventsBefore) =>
    sse({ type: 'error', sequence_number: eventsBefore, code, message, param }, 'error'),
};

interface Response extends JsonObject {
  readonly id: string;
  readonly output: readonly JsonObject[];
}

function responseOf(call: ModelCall): Response {
  const { body, newId, servedModel } = call;
  const format = asObject(asObject(body.text).format);
  const said = draft(call, {
    input: body.input ?? null,
    jsonSchema: format.type === 'json_object' ? true : format.schema,
    requiredTool: requiredTool(body, (tool) => tool),
  });
  const id = newId('resp_');
  const ending = endingOf(said.finishReason);
  const now = unixSeconds();
  const conversation = conversationId(body.conversation);
  return {
    id,
    object: 'response',
    created_at: now,
    background: body.background === true,
    completed_at: ending.status === 'completed' ? now : null,
    conversation: conversation === undefined ? null : { id: conversation },
    error: null,
    incomplete_details: null,
    ...ending,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: servedModel,
    output: outputOf(said, call),
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: body.reasoning ?? { effort: null, summary: null },
    service_tier: 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: body.text ?? { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: inputUsage(said.usage) ?? null,
    user: body.user ?? null,
  };
}

function endingOf(finishReason: string | null): JsonObject & { readonly status: string } {
  switch (finishReason) {
    case null:
      return { status: 'in_progress' };
    case 'length':
      return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
    case 'content_filter':
      return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
    case 'error':
      return { status: 'failed', error: { code: 'server_error', message: 'The model failed to generate a response.' } };
    default:
      return { status: 'completed' };
  }
}

function outputOf(said: Draft, { newId, answer, body }: ModelCall): JsonObject[] {
  const withLogprobs = asArray(body.include).includes('message.output_text.logprobs');
  const logprobs = withLogprobs
    ? tokensOf(said.text, answer.logprob).map((token) => ({ ...token, top_logprobs: [] }))
    : [];
  const part =
    said.refusal === undefined
      ? { type: 'output_text', annotations: [], logprobs, text: said.text }
      : { type: 'refusal', refusal: said.refusal };
  const speaks = said.text !== '' || said.refusal !== undefined || said.toolCalls.length === 0;
  const status = said.finishReason === 'length' || said.finishReason === 'content_filter' ? 'incomplete' : 'completed';
  return [
    ...(said.reasoning === ''
      ? []
      : [{ type: 'reasoning', id: newId('rs_'), summary: [{ type: 'summary_text', text: said.reasoning }] }]),
    ...(speaks ? [{ type: 'message', id: newId('msg_'), status, role: 'assistant', content: [part] }] : []),
    ...said.toolCalls.map((call) => ({
      type: 'function_call',
      id: newId('fc_'),
      call_id: call.id,
      name: call.name,
      arguments: call.arguments,
      status,
    })),
  ];
}

/** Stores a response unless the request forbids it. Its conversation grows when it is completed. */
function storeAnswer({ body, store, newId }: ModelCall, response: Response): Response {
  if (body.store === false) return response;
  store.responses.add(response.id, response);
  const input = store.inputItems.get(response.id) ?? inputItems(body.input, newId);
  store.inputItems.add(response.id, input);
  const conversation = conversationId(body.conversation);
  if (conversation !== undefined && response.status === 'completed') {
    const items = store.conversationItems.get(conversation) ?? [];
    store.conversationItems.add(conversation, [...items, ...input, ...response.output]);
  }
  return response;
}

/** The items of a request's `input`, each with an id. */
export function inputItems(input: unknown, newId: ModelCall['newId']): JsonObject[] {
  const items = typeof input === 'string' ? [{ role: 'user', content: input }] : asArray(input);
  return items.filter(isObject).map((item) => ({
    id: newId('msg_'),
    type: 'message',
    status: 'completed',
    ...item,
    ...(typeof item.content === 'string' && { content: [{ type: 'input_text', text: item.content }] }),
  }));
}

function conversationId(conversation: unknown): string | undefined {
  return asString(conversation) ?? asString(asObject(conversation).id);
}
