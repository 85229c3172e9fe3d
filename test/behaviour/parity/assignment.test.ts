import type { OpenAI } from 'openai';
import { messages } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { describeParity } from '../../helpers/parity-suite.js';

const KEY = 'sk-assigned-0123456789';
const fake = { apiKeys: { key: 'sk-parity-0123456789', assigned: KEY } };
const both = async (client: OpenAI, m: (model: string) => string) => {
  await client.models.list();
  return client.chat.completions.create({ model: m('chat'), messages });
};

const assigned: ParityCase[] = [
  {
    name: 'apiKey',
    fake,
    run: async (client, { m }) => {
      client.apiKey = KEY;
      return [await both(client, m), client.apiKey];
    },
  },
  {
    name: 'apiKey, twice, then withOptions, which takes the one of the constructor',
    fake,
    run: async (client, { m }) => {
      client.apiKey = 'sk-wrong';
      client.apiKey = KEY;
      await both(client, m);
      return both(client.withOptions({ timeout: 5000 }), m);
    },
  },
  {
    name: 'apiKey of a view, which does not change the other',
    fake,
    run: async (client, { m }) => {
      const view = client.withOptions({ timeout: 5000 });
      view.apiKey = KEY;
      await both(view, m);
      return both(client, m);
    },
  },
  {
    name: 'baseURL, and withOptions, which keeps it',
    fake,
    run: async (client, { m }) => {
      client.baseURL = `${client.baseURL}?via=assigned`;
      await both(client, m);
      await both(client.withOptions({ timeout: 5000 }), m);
      return client.baseURL.split('?')[1];
    },
    only: { sdk: 7, why: 'SDK 6 takes no query in a base URL' },
  },
  {
    name: 'organization and project',
    run: async (client, { m }) => {
      client.organization = 'org-assigned';
      client.project = 'proj-assigned';
      await both(client, m);
      return both(client.withOptions({ timeout: 5000 }), m);
    },
  },
  {
    name: 'maxRetries and timeout read back',
    run: async (client) => {
      client.maxRetries = 4;
      client.timeout = 1234;
      const view = client.withOptions({});
      return [client.maxRetries, client.timeout, view.maxRetries, view.timeout];
    },
  },
];

const switched: ParityCase[] = [
  {
    name: 'another key, and another base URL',
    fake,
    run: async (client, { m }) => {
      await both(client.withOptions({ apiKey: KEY }), m);
      return both(client.withOptions({ baseURL: client.baseURL, apiKey: KEY }).withOptions({ timeout: 5000 }), m);
    },
  },
  {
    name: 'another organization, after default headers were set',
    run: (client, { m }) =>
      both(client.withOptions({ defaultHeaders: { 'x-team': 'red' } }).withOptions({ organization: 'org-other' }), m),
  },
  {
    name: 'dataResidency beside a base URL',
    only: { sdk: 7, why: 'SDK 6 has no such option' },
    run: async (client) => client.withOptions({ dataResidency: 'eu' } as object).baseURL,
  },
];

describeParity('properties that are assigned', assigned, ['router of one client']);
describeParity('withOptions with another account', switched, ['router of one client']);
