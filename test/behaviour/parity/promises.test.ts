import { ModelRouter } from 'model-router';
import { type FakeProvider, fail, startFakeProvider } from 'model-router/testing';
import { APIPromise, OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { messages } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { describeParity, until } from '../../helpers/parity-suite.js';

const models = { failing: fail(400, { message: 'No.' }) };

const cases: ParityCase[] = [
  {
    name: 'its class, and its name',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const kind = [call instanceof APIPromise, call instanceof Promise, Object.prototype.toString.call(call)];
      await call;
      return kind;
    },
  },
  {
    name: 'awaited twice: one request, one object',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const [first, second] = [await call, await call];
      return [first === second, first];
    },
  },
  {
    name: 'then twice',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      return Promise.all([call.then(({ id }) => id), call.then(({ model }) => model)]);
    },
  },
  {
    name: 'Promise.all',
    run: async (client, { m }) => {
      // The order of arrival is random, so both have the same kind.
      const answers = await Promise.all([
        client.chat.completions.create({ model: m('chat'), messages }),
        client.chat.completions.create({ model: m('chat'), messages }).then(({ choices }) => choices),
      ]);
      return [answers[0].choices, answers[1]];
    },
  },
  {
    name: 'Promise.race',
    run: (client, { m }) =>
      Promise.race([
        client.chat.completions.create({ model: m('chat'), messages }),
        new Promise((_, reject) => setTimeout(reject, 5000, new Error('too late')).unref()),
      ]),
  },
  {
    name: 'Promise.allSettled and Promise.any',
    models,
    run: async (client, { m }) => {
      const good = client.chat.completions.create({ model: m('chat'), messages });
      await good;
      const bad = client.chat.completions.create({ model: m('failing'), messages });
      const settled = await Promise.allSettled([good, bad]);
      return [
        settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason)),
        await Promise.any([bad, good]),
      ];
    },
  },
  {
    name: 'catch',
    models,
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('failing'), messages }).catch((error: unknown) => ['caught', error]),
  },
  {
    name: 'finally, of an answer and of an error',
    models,
    run: async (client, { m }) => {
      const order: string[] = [];
      const good = await client.chat.completions
        .create({ model: m('chat'), messages })
        .finally(() => order.push('good'));
      const bad = await client.chat.completions
        .create({ model: m('failing'), messages })
        .finally(() => order.push('bad'))
        .catch((error: unknown) => error);
      return [order, good, bad];
    },
  },
  {
    name: 'the same error to all who wait',
    models,
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('failing'), messages });
      const [first, second] = await Promise.all([call.catch((e: unknown) => e), call.catch((e: unknown) => e)]);
      return [first === second, first];
    },
  },
  {
    name: 'asResponse first, then the answer',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const response = await call.asResponse();
      const before = response.bodyUsed;
      return [before, await call, response.bodyUsed];
    },
  },
  {
    name: 'asResponse and the answer at once',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const [response, answer] = await Promise.all([call.asResponse(), call]);
      return [response.status, answer];
    },
  },
  {
    name: 'asResponse read by hand, then the answer',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const response = await call.asResponse();
      const body: unknown = await response.json();
      return [body, await call.catch((error: unknown) => (error instanceof TypeError ? 'the body is gone' : error))];
    },
  },
  {
    name: 'asResponse after the answer',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      await call;
      return call.asResponse();
    },
  },
  {
    name: 'asResponse late, before anything else asks for the answer',
    run: async (client, { m, fake }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      await until(() => fake.requests[0]?.outcome !== undefined, 'the answer');
      await new Promise((resolve) => setTimeout(resolve, 20));
      const response = await call.asResponse();
      return [response.bodyUsed, await response.json()];
    },
  },
  {
    name: 'asResponse and withResponse are the same response',
    run: async (client, { m }) => {
      const first = client.chat.completions.create({ model: m('chat'), messages });
      const response = await first.asResponse();
      const { headers } = response;
      const same = [(await first.withResponse()).response === response, response.headers === headers];
      const second = client.chat.completions.create({ model: m('chat'), messages });
      return [...same, (await second.withResponse()).response === (await second.asResponse())];
    },
  },
  {
    name: 'the answer to binary calls is that response too',
    run: async (client, { m }) => {
      const call = client.audio.speech.create({ model: m('speaker'), voice: 'alloy', input: 'Hi' });
      const { data, response } = await call.withResponse();
      return [data === response, (await call.asResponse()) === response, await data.text()];
    },
  },
  {
    name: 'asResponse twice',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const [first, second] = [await call.asResponse(), await call.asResponse()];
      return [first === second, first];
    },
  },
  {
    name: 'withResponse twice',
    run: async (client, { m }) => {
      const call = client.chat.completions.create({ model: m('chat'), messages });
      const [first, second] = [await call.withResponse(), await call.withResponse()];
      return [first.data === second.data, first.request_id, second.response.status];
    },
  },
  {
    name: 'a call that nobody waits for is made all the same',
    run: async (client, { m, fake }) => {
      client.chat.completions.create({ model: m('chat'), messages }).catch(() => undefined);
      while (fake.count === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  },
];

describeParity('the promise of a call', cases);

/** The number of unhandled rejections. The test runner's own listeners are removed meanwhile. */
async function unhandledDuring(fake: FakeProvider, act: () => unknown): Promise<number> {
  const before = fake.count;
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  let count = 0;
  process.on('unhandledRejection', () => count++);
  try {
    await act();
    await until(() => fake.count > before && fake.open === 0, 'the call to fail');
    await new Promise((resolve) => setTimeout(resolve, 50));
    return count;
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const other of others) process.on('unhandledRejection', other);
  }
}

const ignore = () => undefined;

/** Uses of a failing call in a program. */
const uses: Record<string, (client: OpenAI, model: string) => unknown> = {
  'nothing at all': (client, model) => {
    client.chat.completions.create({ model, messages });
  },
  'nothing at all, of a stream': (client, model) => {
    client.chat.completions.create({ model, messages, stream: true });
  },
  'nothing at all, of an unrouted call': (client) => {
    client.models.retrieve('nobody');
  },
  'nothing at all, of a list': (client) => {
    client.models.list();
  },
  catch: (client, model) => client.chat.completions.create({ model, messages }).catch(ignore),
  'catch of a parse': (client, model) => client.chat.completions.parse({ model, messages }).catch(ignore),
  'catch of withResponse': (client, model) =>
    client.chat.completions.create({ model, messages }).withResponse().catch(ignore),
  'catch of asResponse': (client, model) =>
    client.chat.completions.create({ model, messages }).asResponse().catch(ignore),
  'catch of a list': (client) => client.models.list().catch(ignore),
  'then without a catch': (client, model) => {
    client.chat.completions.create({ model, messages }).then(ignore);
  },
  'catch of two of three uses': (client, model) => {
    const call = client.chat.completions.create({ model, messages });
    call.catch(ignore);
    call.asResponse().catch(ignore);
    call.then(ignore);
  },
  'the events of a helper': (client, model) => {
    client.chat.completions.stream({ model, messages }).on('error', ignore);
  },
};

describe('an unhandled rejection is reported as often as by a plain client', () => {
  it.each(Object.entries(uses))('%s', async (_, use) => {
    await using fake = await startFakeProvider({ models, withoutModel: fail(400) });
    const options = { apiKey: 'sk-unhandled', baseURL: fake.url, maxRetries: 0, logLevel: 'off' as const };
    await using router = new ModelRouter(options);
    const plain = await unhandledDuring(fake, () => use(new OpenAI(options), 'failing'));
    expect(await unhandledDuring(fake, () => use(router, 'failing'))).toBe(plain);
  });
});
