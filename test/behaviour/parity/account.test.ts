import { sound } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const models: ParityCase[] = [
  { name: 'models.list, awaited', run: (client) => client.models.list() },
  { name: 'models.list, iterated', run: (client) => collect(client.models.list()) },
  {
    name: 'models.list, by pages',
    run: async (client) => {
      const page = await client.models.list();
      return [page.hasNextPage(), page.getPaginatedItems(), await collect(page.iterPages())];
    },
  },
  {
    name: 'models.list().withResponse()',
    run: async (client) => {
      const { data, response, request_id } = await client.models.list().withResponse();
      return [data, response.status, request_id];
    },
  },
  { name: 'models.list().asResponse()', run: (client) => client.models.list().asResponse() },
  { name: 'models.retrieve', run: (client) => client.models.retrieve('chat') },
  { name: 'models.retrieve with a slash', run: (client) => client.models.retrieve('org/with slash') },
  { name: 'models.retrieve what is not there', run: (client) => client.models.retrieve('nobody') },
  { name: 'models.delete', run: (client) => client.models.delete('chat') },
];

const files: ParityCase[] = [
  {
    name: 'files.create, an upload',
    run: async (client) => client.files.create({ file: await sound(), purpose: 'assistants' }),
  },
  {
    name: 'files.list, page by page',
    run: async (client) => {
      for (let i = 0; i < 3; i++) await client.files.create({ file: await sound(), purpose: 'batch' });
      return collect(client.files.list({ limit: 1, purpose: 'batch' }));
    },
  },
  {
    name: 'files.list, its next page',
    run: async (client) => {
      for (let i = 0; i < 2; i++) await client.files.create({ file: await sound(), purpose: 'batch' });
      const first = await client.files.list({ limit: 1 });
      const second = await first.getNextPage();
      const third = await second.getNextPage().catch((error: unknown) => error);
      return [first, second, third];
    },
  },
  {
    name: 'files.retrieve',
    run: async (client) => {
      const { id } = await client.files.create({ file: await sound(), purpose: 'assistants' });
      return client.files.retrieve(id);
    },
  },
  {
    name: 'files.content',
    run: async (client) => {
      const { id } = await client.files.create({ file: await sound(), purpose: 'assistants' });
      return client.files.content(id);
    },
  },
  {
    name: 'files.delete, and then it is gone',
    run: async (client) => {
      const { id } = await client.files.create({ file: await sound(), purpose: 'assistants' });
      const deleted = await client.files.delete(id);
      return [deleted, await client.files.content(id).catch((error: unknown) => error)];
    },
  },
  {
    name: 'files.waitForProcessing',
    run: async (client) => {
      const { id } = await client.files.create({ file: await sound(), purpose: 'assistants' });
      return client.files.waitForProcessing(id, { pollInterval: 1 });
    },
  },
];

const jobs: ParityCase[] = [
  {
    name: 'batches: create, list, retrieve, cancel',
    run: async (client) => {
      const { id } = await client.batches.create({
        input_file_id: 'file-1',
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
      });
      return [await collect(client.batches.list()), await client.batches.retrieve(id), await client.batches.cancel(id)];
    },
  },
  {
    name: 'fineTuning.jobs, whose model is not a route: create, list, retrieve, events, cancel',
    run: async (client) => {
      const { id } = await client.fineTuning.jobs.create({ model: 'chat', training_file: 'file-1' });
      const events = await collect(client.fineTuning.jobs.listEvents(id));
      const jobs = await collect(client.fineTuning.jobs.list());
      return [jobs, events, await client.fineTuning.jobs.retrieve(id), await client.fineTuning.jobs.cancel(id)];
    },
  },
  {
    name: 'vectorStores: create, list, update, retrieve, delete',
    run: async (client) => {
      const { id } = await client.vectorStores.create({ name: 'shelf' });
      const stores = await collect(client.vectorStores.list());
      const updated = await client.vectorStores.update(id, { name: 'new' });
      return [stores, updated, await client.vectorStores.retrieve(id), await client.vectorStores.delete(id)];
    },
  },
  {
    name: 'conversations: create, update, retrieve, delete',
    run: async (client) => {
      const { id } = await client.conversations.create({ metadata: { a: '1' } });
      const updated = await client.conversations.update(id, { metadata: { a: '2' } });
      return [updated, await client.conversations.retrieve(id), await client.conversations.delete(id)];
    },
  },
  {
    name: 'conversations.items: create, list, retrieve, delete',
    run: async (client) => {
      const { id } = await client.conversations.create({});
      const items = await client.conversations.items.create(id, {
        items: [{ type: 'message', role: 'user', content: 'Hi' }],
      });
      const [item] = items.data;
      const params = { conversation_id: id };
      return [
        items,
        await collect(client.conversations.items.list(id)),
        await client.conversations.items.retrieve(item?.id ?? '', params),
        await client.conversations.items.delete(item?.id ?? '', params),
      ];
    },
  },
];

describeParity('models', models);
describeParity('files', files);
describeParity('jobs, stores and conversations', jobs);
