import { messages } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { viewHeaders } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const encoder = new TextEncoder();
const json = { 'content-type': 'application/json' };

const verbs: ParityCase[] = [
  { name: 'get', run: (client) => client.get('/models') },
  { name: 'get with a query', run: (client) => client.get('/files', { query: { limit: 1, order: 'asc' } }) },
  {
    name: 'post of a routed path',
    run: (client, { m }) => client.post('/chat/completions', { body: { model: m('chat'), messages } }),
  },
  {
    name: 'post of a routed path, as a stream',
    run: (client, { m }) =>
      client.post('/chat/completions', { body: { model: m('chat'), messages, stream: true }, stream: true }),
  },
  {
    name: 'post of a routed path, as a response',
    run: (client, { m }) =>
      client.post('/chat/completions', { body: { model: m('chat'), messages }, __binaryResponse: true }),
  },
  {
    name: 'post of a routed path with a query in it',
    run: (client, { m }) => client.post('/chat/completions?trace=1', { body: { model: m('chat'), messages } }),
  },
  {
    name: 'post of a routed path, its options a promise',
    run: (client, { m }) => client.post('/chat/completions', Promise.resolve({ body: { model: m('chat'), messages } })),
  },
  {
    name: 'post of text that is JSON already',
    run: (client) =>
      client.post('/chat/completions', { body: JSON.stringify({ model: 'chat', messages }), headers: json }),
  },
  {
    name: 'post of bytes that are JSON already',
    run: (client) =>
      client.post('/chat/completions', {
        body: encoder.encode(JSON.stringify({ model: 'chat', messages })),
        headers: json,
      }),
  },
  {
    name: 'post of form data',
    run: (client, { m }) => {
      const body = new FormData();
      body.set('model', m('speaker'));
      body.set('file', new File(['sound'], 'sound.wav', { type: 'audio/wav' }));
      return client.post('/audio/translations', { body });
    },
  },
  {
    name: 'post without a body',
    run: (client) => client.post('/chat/completions'),
  },
  {
    name: 'post of an unrouted path, its model as it stands',
    run: (client) => client.post('/batches', { body: { model: 'chat', input_file_id: 'file-1' } }),
  },
  { name: 'put', run: (client) => client.put('/files', { body: { a: 1 } }) },
  { name: 'patch', run: (client) => client.patch('/files', { body: { a: 1 } }) },
  { name: 'delete', run: (client) => client.delete('/models/chat') },
  { name: 'get of what is not there', run: (client) => client.get('/nowhere') },
  { name: 'get of an absolute URL of its own server', run: (client) => client.get(`${client.baseURL}/models`) },
  { name: 'get of a path with a broken escape in it', run: (client) => client.get('/responses/%E0%A4%A') },
];

const requests: ParityCase[] = [
  {
    name: 'request',
    run: (client, { m }) =>
      client.request({ method: 'post', path: '/chat/completions', body: { model: m('chat'), messages } }),
  },
  {
    name: 'request, its options a promise',
    run: (client, { m }) =>
      client.request(
        Promise.resolve({ method: 'post', path: '/chat/completions', body: { model: m('chat'), messages } }),
      ),
  },
  {
    name: 'request, its options a promise that fails',
    run: (client) => client.request(Promise.reject(new RangeError('no options today'))),
  },
  {
    name: 'request of an unrouted path',
    run: (client) => client.request({ method: 'get', path: '/models' }),
  },
];

const responses: ParityCase[] = [
  {
    name: 'asResponse',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages }).asResponse(),
  },
  {
    name: 'asResponse of a stream',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages, stream: true }).asResponse(),
  },
  {
    name: 'asResponse of bytes',
    run: (client, { m }) =>
      client.audio.speech.create({ model: m('speaker'), input: 'Hello', voice: 'alloy' }).asResponse(),
  },
  {
    name: 'asResponse of an error',
    run: (client) => client.chat.completions.create({ model: 'nobody', messages }).asResponse(),
  },
  {
    name: 'asResponse of an unrouted call',
    run: (client) => client.models.retrieve('chat').asResponse(),
  },
  {
    name: 'withResponse',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const { data, response, request_id } = await call.withResponse();
      const { status, ok, statusText, url, bodyUsed, type } = response;
      return { data, request_id, status, ok, statusText, bodyUsed, type, path: new URL(url).pathname, response };
    },
  },
  {
    name: 'withResponse of a stream',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages, stream: true });
      const { data, response, request_id } = await call.withResponse();
      return { items: data, status: response.status, headers: viewHeaders(response.headers), request_id };
    },
  },
  {
    name: 'withResponse of bytes',
    run: async (client, { m }) => {
      const call = client.audio.speech.create({ model: m('speaker'), input: 'Hello', voice: 'alloy' });
      const { data, response, request_id } = await call.withResponse();
      return { text: await data.text(), status: response.status, request_id };
    },
  },
  {
    name: 'withResponse of bytes, read from the response',
    run: async (client, { m }) => {
      const call = client.audio.speech.create({ model: m('speaker'), input: 'Hello', voice: 'alloy' });
      const { response } = await call.withResponse();
      return [response instanceof Response, await response.clone().text(), await response.text(), response.bodyUsed];
    },
  },
  {
    name: 'withResponse of an error',
    run: (client) => client.chat.completions.create({ model: 'nobody', messages }).withResponse(),
  },
  {
    name: 'withResponse of an unrouted call',
    run: async (client) => {
      const { data, response, request_id } = await client.models.retrieve('chat').withResponse();
      return [data, response, request_id];
    },
  },
];

const itself: ParityCase[] = [
  {
    name: 'what the client says of itself',
    client: { organization: 'org-1', project: 'proj-1', timeout: 5000 },
    run: async (client) => {
      const { apiKey, organization, project, timeout, maxRetries, logLevel } = client;
      const path = new URL(client.baseURL).pathname;
      const url = new URL(client.buildURL('/models', { a: '1' }));
      return { apiKey, organization, project, timeout, maxRetries, logLevel, path, url: url.pathname + url.search };
    },
  },
];

describeParity('the verbs of a client', verbs);
describeParity('client.request', requests);
describeParity('responses', responses);
describeParity('a client', itself);
