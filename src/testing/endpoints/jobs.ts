import { asString, type JsonObject, unixSeconds } from '../json.js';
import { page } from '../store.js';
import { type AccountEndpoints, badRequest, found, notFound } from './account.js';
import { json, type Plain } from './endpoint.js';

/** Batches, fine-tuning jobs and vector stores: created, listed, retrieved, cancelled. Nothing runs in them. */
export const jobs: AccountEndpoints = {
  'POST /batches': ({ body, store, newId }) => {
    const missing = missingOf(body, ['input_file_id', 'endpoint', 'completion_window']);
    if (missing) return missing;
    const id = newId('batch_');
    return json(
      store.batches.add(id, {
        id,
        object: 'batch',
        endpoint: body.endpoint,
        errors: null,
        input_file_id: body.input_file_id,
        completion_window: body.completion_window,
        status: 'validating',
        output_file_id: null,
        error_file_id: null,
        created_at: unixSeconds(),
        request_counts: { total: 0, completed: 0, failed: 0 },
        metadata: body.metadata ?? null,
      }),
    );
  },
  'GET /batches': ({ request, store }) => json(page(store.batches.values(), request.query)),
  'GET /batches/:id': ({ store }, id) => found(store.batches.get(id), 'batch', id),
  'POST /batches/:id/cancel': ({ store }, id) => {
    const batch = store.batches.get(id);
    if (batch === undefined) return notFound('batch', id);
    return json(store.batches.add(id, { ...batch, status: 'cancelling', cancelling_at: unixSeconds() }));
  },

  'POST /fine_tuning/jobs': ({ body, store, newId }) => {
    const missing = missingOf(body, ['model', 'training_file']);
    if (missing) return missing;
    const id = newId('ftjob-');
    return json(
      store.jobs.add(id, {
        id,
        object: 'fine_tuning.job',
        created_at: unixSeconds(),
        error: null,
        fine_tuned_model: null,
        finished_at: null,
        hyperparameters: { n_epochs: 'auto', batch_size: 'auto', learning_rate_multiplier: 'auto' },
        model: body.model,
        organization_id: 'org-fake',
        result_files: [],
        seed: body.seed ?? 0,
        status: 'queued',
        trained_tokens: null,
        training_file: body.training_file,
        validation_file: body.validation_file ?? null,
        metadata: body.metadata ?? null,
      }),
    );
  },
  'GET /fine_tuning/jobs': ({ request, store }) => json(page(store.jobs.values(), request.query)),
  'GET /fine_tuning/jobs/:id': ({ store }, id) => found(store.jobs.get(id), 'fine-tuning job', id),
  'POST /fine_tuning/jobs/:id/cancel': ({ store }, id) => {
    const job = store.jobs.get(id);
    return job === undefined
      ? notFound('fine-tuning job', id)
      : json(store.jobs.add(id, { ...job, status: 'cancelled', finished_at: unixSeconds() }));
  },
  'GET /fine_tuning/jobs/:id/events': ({ request, store }, id) => {
    const job = store.jobs.get(id);
    if (job === undefined) return notFound('fine-tuning job', id);
    const created = {
      id: `ftevent-${id}`,
      object: 'fine_tuning.job.event',
      created_at: job.created_at,
      level: 'info',
      message: `Created fine-tuning job: ${id}`,
      type: 'message',
    };
    return json(page([created], request.query));
  },

  'POST /vector_stores': ({ body, store, newId }) => {
    const id = newId('vs_');
    return json(
      store.vectorStores.add(id, {
        id,
        object: 'vector_store',
        created_at: unixSeconds(),
        name: asString(body.name) ?? '',
        usage_bytes: 0,
        file_counts: { in_progress: 0, completed: 0, failed: 0, cancelled: 0, total: 0 },
        status: 'completed',
        last_active_at: unixSeconds(),
        metadata: body.metadata ?? null,
      }),
    );
  },
  'GET /vector_stores': ({ request, store }) => json(page(store.vectorStores.values(), request.query)),
  'GET /vector_stores/:id': ({ store }, id) => found(store.vectorStores.get(id), 'vector store', id),
  'POST /vector_stores/:id': ({ body, store }, id) => {
    const stored = store.vectorStores.get(id);
    if (stored === undefined) return notFound('vector store', id);
    const { name = stored.name, metadata = stored.metadata } = body;
    return json(store.vectorStores.add(id, { ...stored, name, metadata }));
  },
  'DELETE /vector_stores/:id': ({ store }, id) =>
    store.vectorStores.delete(id)
      ? json({ id, object: 'vector_store.deleted', deleted: true })
      : notFound('vector store', id),
};

function missingOf(body: JsonObject, required: readonly string[]): Plain | undefined {
  const name = required.find((field) => body[field] === undefined);
  return name === undefined ? undefined : badRequest(`Missing required parameter: '${name}'.`, name);
}
