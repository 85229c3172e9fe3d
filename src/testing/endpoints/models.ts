import { errorBody } from '../error-body.js';
import type { AccountEndpoints } from './account.js';
import { json, type Plain } from './endpoint.js';

export const models: AccountEndpoints = {
  'GET /models': ({ scripts }) => json({ object: 'list', data: scripts.names.map(model) }),
  'GET /models/:id': ({ scripts }, id) => (scripts.has(id) ? json(model(id)) : unknownModel(id)),
  'DELETE /models/:id': ({ scripts }, id) =>
    scripts.delete(id) ? json({ id, object: 'model', deleted: true }) : unknownModel(id),
};

function model(id: string) {
  return { id, object: 'model', created: 1_700_000_000, owned_by: 'fake' };
}

export function unknownModel(id: string): Plain {
  const message = `The model \`${id}\` does not exist or you do not have access to it.`;
  return json(errorBody(404, { message, code: 'model_not_found', param: 'model' }), 404);
}
