import { answer, hang, hangAfterHeaders, reset, slowDrip } from 'model-router/testing';
import { expect } from 'vitest';
import { messages } from '../../helpers/parity-bodies.js';
import type { Outcome, ParityCase } from '../../helpers/parity-case.js';
import { describeParity } from '../../helpers/parity-suite.js';
import { SDK } from '../../helpers/sdk.js';

const models = {
  silent: hang(),
  stuck: hangAfterHeaders(),
  dripping: slowDrip({ bytesPerMs: 0.2 }),
  gone: reset(),
  slow: answer({ latencyMs: 20 }),
};

/** During a body, SDK 7 drops the reason of an abort, and SDK 6 throws fetch's error. */
const midBody: NonNullable<ParityCase['differs']> = {
  why: 'an abort is the same error at any moment',
  to: (plain) => ({
    ...plain,
    result: expect.objectContaining({
      class: 'APIUserAbortError',
      message: 'Request was aborted.',
      ...(SDK > 6 && { cause: expect.objectContaining({ name: 'AbortError' }) }),
    }),
  }),
};

const aborts: ParityCase[] = [
  {
    name: 'aborted before the call',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('chat'), messages }, { signal: AbortSignal.abort() }),
  },
  {
    name: 'aborted before the call, with a reason',
    run: (client, { m }) =>
      client.chat.completions.create(
        { model: m('chat'), messages },
        { signal: AbortSignal.abort(new RangeError('enough')) },
      ),
  },
  {
    name: 'aborted before a stream',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('chat'), messages, stream: true }, { signal: AbortSignal.abort() }),
  },
  {
    name: 'aborted before an unrouted call',
    run: (client) => client.models.retrieve('chat', { signal: AbortSignal.abort() }),
  },
  {
    name: 'aborted in flight, before the headers',
    models,
    run: async (client, { m, arrived }) => {
      const controller = new AbortController();
      const call = client.chat.completions.create({ model: m('silent'), messages }, { signal: controller.signal });
      const settled = call.catch((error: unknown) => error);
      await arrived();
      controller.abort(new RangeError('enough'));
      return settled;
    },
  },
  {
    name: 'aborted in flight, after the headers and before the first byte',
    models,
    run: async (client, { m, arrived }) => {
      const controller = new AbortController();
      const call = client.responses.create({ model: m('stuck'), input: 'Hi' }, { signal: controller.signal });
      const settled = call.catch((error: unknown) => error);
      await arrived();
      setTimeout(() => controller.abort(), 50);
      return settled;
    },
    differs: midBody,
  },
  {
    name: 'aborted in flight, in mid-body',
    models,
    run: async (client, { m, arrived }) => {
      const controller = new AbortController();
      const call = client.chat.completions.create({ model: m('dripping'), messages }, { signal: controller.signal });
      const settled = call.catch((error: unknown) => error);
      await arrived();
      setTimeout(() => controller.abort(), 50);
      return settled;
    },
    differs: midBody,
  },
  {
    name: 'aborted in flight, a stream before its first chunk',
    models,
    run: async (client, { m, arrived }) => {
      const controller = new AbortController();
      const call = client.chat.completions.create(
        { model: m('silent'), messages, stream: true },
        { signal: controller.signal },
      );
      const settled = call.catch((error: unknown) => error);
      await arrived();
      controller.abort();
      return settled;
    },
  },
  {
    name: 'aborted after the answer',
    run: async (client, { m }) => {
      const controller = new AbortController();
      const call = client.chat.completions.create({ model: m('chat'), messages }, { signal: controller.signal });
      const first = await call;
      controller.abort();
      return [first, await call];
    },
  },
  {
    name: 'AbortSignal.timeout',
    models,
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('silent'), messages }, { signal: AbortSignal.timeout(250) }),
  },
  {
    name: 'one signal for two calls',
    models,
    run: async (client, { m, arrived }) => {
      const controller = new AbortController();
      const options = { signal: controller.signal };
      const first = client.chat.completions.create({ model: m('silent'), messages }, options);
      const settledFirst = first.catch((error: unknown) => error);
      await arrived();
      const second = client.embeddings.create({ model: m('silent'), input: 'a' }, options);
      const settledSecond = second.catch((error: unknown) => error);
      await arrived(2);
      controller.abort();
      return [await settledFirst, await settledSecond];
    },
  },
];

/** The router reports how much time an attempt had, where the SDK has its own abort as the cause. */
const named =
  (ms: number) =>
  (plain: Outcome): Outcome => ({
    ...plain,
    error: {
      ...plain.error,
      message: `Request timed out after ${ms} ms.`,
      cause: undefined,
      keys: ['code', 'error', 'headers', 'param', 'requestID', 'status', 'type'],
    },
  });

const timeouts: ParityCase[] = [
  {
    name: "a call's timeout",
    models,
    run: (client, { m }) => client.chat.completions.create({ model: m('silent'), messages }, { timeout: 250 }),
    differs: { why: 'the message names the time', to: named(250) },
  },
  {
    name: "the client's timeout",
    models,
    client: { timeout: 250 },
    run: (client, { m }) => client.chat.completions.create({ model: m('silent'), messages }),
    differs: { why: 'the message names the time', to: named(250) },
  },
  {
    name: 'the timeout of withOptions',
    models,
    run: (client, { m }) =>
      client.withOptions({ timeout: 250 }).chat.completions.create({ model: m('silent'), messages }),
    differs: { why: 'the message names the time', to: named(250) },
  },
  {
    name: "a call's timeout, in mid-body",
    only: { sdk: 7, why: 'the SDK 6 has no timeout for a body' },
    models,
    run: (client, { m }) => client.chat.completions.create({ model: m('dripping'), messages }, { timeout: 250 }),
    differs: { why: 'the message names the time', to: named(250) },
  },
  {
    name: "a call's timeout, of a stream before its headers",
    models,
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('silent'), messages, stream: true }, { timeout: 250 }),
    differs: { why: 'the message names the time', to: named(250) },
  },
  {
    name: "an unrouted call's timeout",
    fake: { withoutModel: hang() },
    run: (client) => client.models.retrieve('chat', { timeout: 250 }),
  },
  {
    name: 'a timeout that is long enough',
    models,
    run: (client, { m }) => client.chat.completions.create({ model: m('slow'), messages }, { timeout: 5000 }),
  },
];

const connections: ParityCase[] = [
  {
    name: 'a connection that is reset',
    models,
    run: (client, { m }) => client.chat.completions.create({ model: m('gone'), messages }),
  },
  {
    name: 'a connection that is refused',
    run: async (client, { m, fake }) => {
      await fake.close();
      return client.chat.completions.create({ model: m('chat'), messages });
    },
  },
  {
    name: 'a connection that is refused to an unrouted call',
    run: async (client, { fake }) => {
      await fake.close();
      return client.models.list();
    },
  },
];

describeParity('aborts', aborts);
describeParity('timeouts', timeouts);
describeParity('connections', connections);
