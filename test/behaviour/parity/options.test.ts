import { messages } from '../../helpers/parity-bodies.js';
import type { Outcome, ParityCase } from '../../helpers/parity-case.js';
import { allDoors } from '../../helpers/parity-clients.js';
import { describeParity } from '../../helpers/parity-suite.js';

/** One chat call with these request options. */
const withOptions = (options: object): ParityCase['run'] => {
  return (client, { m }) => client.chat.completions.create({ model: m('chat'), messages }, options);
};

const defaultHeaders = { 'X-Tag': 'default', 'X-Team': 'red', 'X-Gone': 'soon' };

const headers: ParityCase[] = [
  { name: 'as an object', run: withOptions({ headers: { 'X-Tag': 'call', 'X-Number': '1' } }) },
  { name: 'as Headers', run: withOptions({ headers: new Headers({ 'X-Tag': 'call' }) }) },
  {
    name: 'as pairs',
    run: withOptions({
      headers: [
        ['X-Tag', 'call'],
        ['X-Other', 'b'],
      ],
    }),
  },
  {
    name: 'as pairs, one name twice',
    run: withOptions({
      headers: [
        ['X-Tag', 'a'],
        ['x-tag', 'b'],
      ],
    }),
  },
  { name: 'as an object of lists', run: withOptions({ headers: { 'X-Tag': ['a', 'b'] } }) },
  { name: 'with one that is undefined', run: withOptions({ headers: { 'X-Tag': undefined, 'X-Other': 'b' } }) },
  { name: 'with one that is null', run: withOptions({ headers: { 'X-Stainless-Lang': null, 'X-Other': 'b' } }) },
  { name: 'as null', run: withOptions({ headers: null }) },
  { name: 'as undefined', run: withOptions({ headers: undefined }) },
  { name: "that are the SDK's own", run: withOptions({ headers: { Accept: 'text/plain', 'User-Agent': 'me/1' } }) },
  {
    name: 'in two cases of one name',
    run: withOptions({ headers: { 'X-Tag': 'a', 'x-tag': 'b' } }),
  },
  {
    name: 'beside one that the router reads and keeps to itself',
    run: (client, { m }) =>
      client.chat.completions.create(
        { model: m('chat'), messages },
        {
          headers: {
            // A plain client would send this header; it is not part of the comparison.
            ...('explain' in client && { 'X-Router-Deadline-Ms': '5000' }),
            'X-Tag': 'call',
            'X-Stainless-Lang': null,
            'X-List': 'a',
          },
        },
      ),
  },
  {
    name: 'of an upload',
    run: (client, { m }) =>
      client.audio.transcriptions.create(
        { model: m('speaker'), file: new File(['sound'], 'sound.wav') },
        { headers: { 'X-Tag': 'call' } },
      ),
  },
  {
    name: 'of a stream',
    run: (client, { m }) =>
      client.chat.completions.create(
        { model: m('chat'), messages, stream: true },
        { headers: { 'X-Tag': 'call', Accept: 'text/event-stream' } },
      ),
  },
];

const defaults: ParityCase[] = [
  { name: 'defaultHeaders', client: { defaultHeaders }, run: withOptions({}) },
  { name: 'defaultHeaders of an unrouted call', client: { defaultHeaders }, run: (client) => client.models.list() },
  {
    name: 'defaultHeaders, with headers of the call above them',
    client: { defaultHeaders },
    run: withOptions({ headers: { 'x-tag': 'call', 'X-Gone': null } }),
  },
  {
    name: 'defaultHeaders with one that is null',
    client: { defaultHeaders: { 'X-Stainless-OS': null } },
    run: withOptions({}),
  },
  { name: 'defaultQuery', client: { defaultQuery: { 'api-version': '1', a: 'default' } }, run: withOptions({}) },
  {
    name: 'defaultQuery, with the query of the call above it',
    client: { defaultQuery: { 'api-version': '1', a: 'default' } },
    run: withOptions({ query: { a: 'call', list: ['x', 'y'], nested: { b: 1 } } }),
  },
  { name: 'query', run: withOptions({ query: { a: 'call' } }) },
  { name: 'organization and project', client: { organization: 'org-1', project: 'proj-1' }, run: withOptions({}) },
  { name: 'baseURL that ends in a slash', client: (url) => ({ baseURL: `${url}/` }), run: withOptions({}) },
  {
    name: 'baseURL that ends in a slash, of an unrouted call',
    client: (url) => ({ baseURL: `${url}/` }),
    run: (client) => client.models.retrieve('chat'),
  },
  {
    name: 'baseURL with a query in it',
    client: (url) => ({ baseURL: `${url}?team=red` }),
    run: withOptions({ query: { a: '1' } }),
  },
  {
    name: 'fetch of its own',
    client: {
      fetch: (input, init) => {
        const headers = new Headers(init?.headers);
        headers.set('x-through', 'my own fetch');
        return fetch(input, { ...init, headers });
      },
    },
    run: withOptions({}),
  },
  {
    name: 'fetchOptions',
    client: { fetchOptions: { redirect: 'error', referrer: 'about:client' } },
    run: withOptions({ fetchOptions: { keepalive: true } }),
  },
  { name: 'apiKey as a function', client: { apiKey: async () => 'sk-parity-0123456789' }, run: withOptions({}) },
  {
    name: 'apiKey as a function, of an unrouted call',
    client: { apiKey: async () => 'sk-parity-0123456789' },
    run: (client) => client.models.list(),
  },
  {
    name: 'apiKey as a function that fails',
    client: {
      apiKey: async () => {
        throw new RangeError('no key today');
      },
    },
    run: withOptions({}),
  },
];

const ofOneCall: ParityCase[] = [
  { name: 'none', run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages }) },
  {
    name: 'undefined',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages }, undefined),
  },
  { name: 'idempotencyKey', run: withOptions({ idempotencyKey: 'once-and-only-once' }) },
  { name: 'signal: undefined', run: withOptions({ signal: undefined }) },
  { name: 'signal: null', run: withOptions({ signal: null }) },
  { name: 'timeout and maxRetries', run: withOptions({ timeout: 5000, maxRetries: 1 }) },
  { name: 'a field in the way of the method', run: withOptions({ body: { model: 'chat', messages: [] } }) },
  {
    name: 'Authorization of its own',
    run: withOptions({ headers: { Authorization: 'Bearer sk-parity-0123456789' } }),
  },
  {
    name: 'Authorization taken away',
    run: withOptions({ headers: { Authorization: null } }),
  },
  {
    name: 'used for two calls, and left as they were',
    run: async (client, { m }) => {
      const options = { headers: { 'X-Tag': 'call' }, query: { a: '1' }, timeout: 5000 };
      const body = { model: m('chat'), messages };
      const frozen = [structuredClone(options), structuredClone({ ...body, model: 'chat' })];
      await client.chat.completions.create(body, options);
      await client.embeddings.create({ model: m('embedder'), input: 'a' }, options);
      return [frozen, options, { ...body, model: 'chat' }];
    },
  },
  {
    name: 'frozen, with a frozen body',
    run: (client, { m }) =>
      client.chat.completions.create(
        Object.freeze({ model: m('chat'), messages }),
        Object.freeze({ headers: Object.freeze({ 'X-Tag': 'call' }) }),
      ),
  },
];

/** The same requests, each with more headers or a longer query. */
function withAll(plain: Outcome, more: { headers?: object; query?: object }): Outcome {
  const requests = plain.requests.map((request) => ({
    ...request,
    headers: { ...Object(request.headers), ...more.headers },
    query: { ...Object(request.query), ...more.query },
  }));
  return { ...plain, requests };
}

const views: ParityCase[] = [
  {
    name: 'timeout and maxRetries',
    run: (client, { m }) => {
      const view = client.withOptions({ timeout: 5000, maxRetries: 1 });
      return view.chat.completions.create({ model: m('chat'), messages });
    },
  },
  {
    name: 'defaultHeaders',
    run: (client, { m }) => {
      const view = client.withOptions({ defaultHeaders });
      return view.chat.completions.create({ model: m('chat'), messages });
    },
  },
  {
    name: 'defaultHeaders, with headers of the call above them',
    run: (client, { m }) => {
      const view = client.withOptions({ defaultHeaders });
      return view.chat.completions.create(
        { model: m('chat'), messages },
        { headers: { 'x-tag': 'call', 'X-Gone': null } },
      );
    },
  },
  {
    name: 'defaultHeaders in place of those of the client',
    client: { defaultHeaders },
    differs: {
      why: 'a client among others keeps its own beside those of the router',
      to: (plain, door) =>
        door === 'router with routes'
          ? withAll(plain, { headers: { 'x-tag': 'default', 'x-team': 'red', 'x-gone': 'soon' } })
          : plain,
    },
    run: async (client, { m }) => {
      const view = client.withOptions({ defaultHeaders: { 'X-New': 'yes' } });
      await view.models.list();
      return view.chat.completions.create({ model: m('chat'), messages });
    },
  },
  {
    name: 'defaultQuery in place of that of the client',
    client: { defaultQuery: { a: '1' } },
    differs: {
      why: 'a client among others keeps its own beside that of the router',
      to: (plain, door) => (door === 'router with routes' ? withAll(plain, { query: { a: '1' } }) : plain),
    },
    run: async (client, { m }) => {
      const view = client.withOptions({ defaultQuery: { b: '2' } });
      await view.models.list();
      return view.chat.completions.create({ model: m('chat'), messages });
    },
  },
  {
    name: 'a view of a view',
    run: async (client, { m }) => {
      const view = client.withOptions({ defaultHeaders }).withOptions({ timeout: 5000 });
      await view.models.list();
      return view.chat.completions.create({ model: m('chat'), messages });
    },
  },
  {
    name: 'what a view says of itself',
    run: async (client) => {
      const view = client.withOptions({ timeout: 1234, maxRetries: 5, logLevel: 'error' });
      return { timeout: view.timeout, maxRetries: view.maxRetries, logLevel: view.logLevel, apiKey: view.apiKey };
    },
  },
  {
    name: 'nothing',
    run: (client, { m }) => client.withOptions({}).chat.completions.create({ model: m('chat'), messages }),
  },
];

const getters: ParityCase[] = [
  {
    name: 'is read once',
    run: async (client, { m }) => {
      let reads = 0;
      const body = {
        model: m('chat'),
        messages: [{ role: 'user' as const, content: 'Hi' }],
        get temperature() {
          reads++;
          return reads / 10;
        },
      };
      const answer = await client.chat.completions.create(body);
      return [reads, answer];
    },
  },
  {
    name: 'that names the model, or the messages',
    run: async (client, { m }) => {
      let reads = 0;
      const body = {
        get model() {
          reads++;
          return m('chat');
        },
        get messages() {
          reads++;
          return [{ role: 'user' as const, content: `Hi ${reads}` }];
        },
      };
      await client.chat.completions.create(body);
      return reads;
    },
  },
];

describeParity('a getter of the body', getters, allDoors);
describeParity('headers of a call', headers, allDoors);
describeParity('options of a client', defaults, allDoors);
describeParity('options of a call', ofOneCall, allDoors);
describeParity('withOptions', views, allDoors);
