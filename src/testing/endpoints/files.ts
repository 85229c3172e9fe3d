import { asObject, asString, unixSeconds } from '../json.js';
import { page } from '../store.js';
import { type AccountEndpoints, badRequest, found, notFound } from './account.js';
import { json } from './endpoint.js';

export const files: AccountEndpoints = {
  'POST /files': ({ body, files: uploads, store, newId }) => {
    const content = uploads.get('file');
    const purpose = asString(body.purpose);
    if (content === undefined) return badRequest("Missing required parameter: 'file'.", 'file');
    if (purpose === undefined) return badRequest("Missing required parameter: 'purpose'.", 'purpose');
    const id = newId('file-');
    store.fileContents.add(id, content);
    return json(
      store.files.add(id, {
        id,
        object: 'file',
        bytes: content.byteLength,
        created_at: unixSeconds(),
        filename: asString(asObject(body.file).name) ?? 'upload',
        purpose,
        status: 'processed',
      }),
    );
  },

  'GET /files': ({ request: { query }, store }) => {
    const { purpose } = query;
    const stored = store.files.values().filter((file) => purpose === undefined || file.purpose === purpose);
    return json(page(stored, query, 10_000));
  },

  'GET /files/:id': ({ store }, id) => found(store.files.get(id), 'file', id),

  'GET /files/:id/content': ({ store }, id) => {
    const content = store.fileContents.get(id);
    return content === undefined ? notFound('file', id) : { contentType: 'application/octet-stream', body: content };
  },

  'DELETE /files/:id': ({ store }, id) => {
    store.fileContents.delete(id);
    return store.files.delete(id) ? json({ id, object: 'file', deleted: true }) : notFound('file', id);
  },
};
