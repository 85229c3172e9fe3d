import { asBoolean, asString, isObject, type JsonObject } from '../json.js';
import { page, type Store } from '../store.js';
import { countTokens } from '../tokens.js';
import { type AccountEndpoints, badRequest, found, notFound } from './account.js';
import { json, type Plain } from './endpoint.js';
import { responseEvents } from './response-events.js';

/** Retrieval of stored answers: responses and chat completions. */
export const storedAnswers: AccountEndpoints = {
  'GET /responses/:id': ({ request, store }, id) => {
    const response = finished(store, id);
    if (response === undefined || !asBoolean(request.query.stream)) return found(response, 'response', id);
    return stream(response);
  },

  'DELETE /responses/:id': ({ store }, id) =>
    store.responses.delete(id) ? json({ id, object: 'response', deleted: true }) : notFound('response', id),

  'POST /responses/:id/cancel': ({ store }, id) => {
    const response = store.responses.get(id);
    if (response === undefined) return notFound('response', id);
    if (response.background !== true) return badRequest('Cannot cancel a synchronous response.');
    if (!store.backgroundResponses.delete(id)) return json(response);
    return json(store.responses.add(id, { ...response, status: 'cancelled' }));
  },

  'GET /responses/:id/input_items': ({ request, store }, id) => {
    const items = store.responses.get(id) && store.inputItems.get(id);
    return items === undefined ? notFound('response', id) : json(page(items, request.query));
  },

  'POST /responses/input_tokens': ({ body }) => {
    const input = asString(body.input) ?? JSON.stringify(body.input ?? '');
    return json({ object: 'response.input_tokens', input_tokens: countTokens(input) });
  },

  'GET /chat/completions': ({ request: { query }, store }) => {
    const stored = store.completions.values().filter(({ model }) => query.model === undefined || model === query.model);
    return json(page(stored, { order: 'asc', ...query }));
  },

  'GET /chat/completions/:id': ({ store }, id) => found(store.completions.get(id), 'chat completion', id),

  'POST /chat/completions/:id': ({ body, store }, id) => {
    const completion = store.completions.get(id);
    if (completion === undefined) return notFound('chat completion', id);
    return json(store.completions.add(id, { ...completion, metadata: body.metadata ?? null }));
  },

  'DELETE /chat/completions/:id': ({ store }, id) =>
    store.completions.delete(id)
      ? json({ id, object: 'chat.completion.deleted', deleted: true })
      : notFound('chat completion', id),

  'GET /chat/completions/:id/messages': ({ request, store }, id) => {
    const messages = store.completions.get(id) && store.messages.get(id);
    if (messages === undefined) return notFound('chat completion', id);
    return json(page(messages.filter(isObject), { order: 'asc', ...request.query }));
  },
};

/** Completes a background response at its first retrieval. */
function finished(store: Store, id: string): JsonObject | undefined {
  const response = store.backgroundResponses.get(id);
  if (response === undefined || store.responses.get(id) === undefined) return store.responses.get(id);
  store.backgroundResponses.delete(id);
  return store.responses.add(id, response);
}

function stream(response: JsonObject): Plain {
  const events = Array.from(responseEvents(response), ({ text }) => text);
  return { contentType: 'text/event-stream; charset=utf-8', body: events.join('') };
}
