import { unixSeconds } from '../json.js';
import { page } from '../store.js';
import { type AccountEndpoints, found, notFound } from './account.js';
import { json } from './endpoint.js';
import { inputItems } from './responses.js';

export const conversations: AccountEndpoints = {
  'POST /conversations': ({ body, store, newId }) => {
    const id = newId('conv_');
    store.conversationItems.add(id, inputItems(body.items, newId));
    return json(
      store.conversations.add(id, {
        id,
        object: 'conversation',
        created_at: unixSeconds(),
        metadata: body.metadata ?? {},
      }),
    );
  },

  'GET /conversations/:id': ({ store }, id) => found(store.conversations.get(id), 'conversation', id),

  'POST /conversations/:id': ({ body, store }, id) => {
    const conversation = store.conversations.get(id);
    if (conversation === undefined) return notFound('conversation', id);
    return json(store.conversations.add(id, { ...conversation, metadata: body.metadata ?? {} }));
  },

  'DELETE /conversations/:id': ({ store }, id) => {
    store.conversationItems.delete(id);
    return store.conversations.delete(id)
      ? json({ id, object: 'conversation.deleted', deleted: true })
      : notFound('conversation', id);
  },

  'GET /conversations/:id/items': ({ request, store }, id) => {
    const items = store.conversationItems.get(id);
    return items === undefined ? notFound('conversation', id) : json(page(items, request.query));
  },

  'POST /conversations/:id/items': ({ body, store, newId }, id) => {
    const items = store.conversationItems.get(id);
    if (items === undefined) return notFound('conversation', id);
    const added = inputItems(body.items, newId);
    store.conversationItems.add(id, [...items, ...added]);
    return json(page(added, { order: 'asc' }, added.length));
  },

  'GET /conversations/:id/items/:part': ({ store }, id, part) => {
    const item = store.conversationItems.get(id)?.find((stored) => stored.id === part);
    return found(item, 'conversation item', part);
  },

  'DELETE /conversations/:id/items/:part': ({ store }, id, part) => {
    const items = store.conversationItems.get(id);
    if (items === undefined) return notFound('conversation', id);
    store.conversationItems.add(
      id,
      items.filter((stored) => stored.id !== part),
    );
    return found(store.conversations.get(id), 'conversation', id);
  },
};
