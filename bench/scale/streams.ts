// The memory of streams, and how long they block the event loop.
import type { OpenAI } from 'openai';
import { type Curve, heapBytes, leastMs, longestHoldMs, pause, ratioOf } from './measure.ts';
import { clientOf, messages, plainOf, read, routerOf, streaming } from './setup.ts';

const streamOf = (client: OpenAI, options?: object) =>
  client.chat.completions.create({ model: 'bench', messages, stream: true }, options);

/** Some twenty letters that no other chunk has in common. */
const word = (i: number) => `${((i * 2_654_435_761) % 2 ** 32).toString(36).repeat(3)} `;
const textOf = (i: number) => ({ delta: { content: word(i) } });

/** The memory of each stream while it waits for its end, and after it. */
async function heldBy(make: (fetch: unknown) => OpenAI, chunks: number): Promise<{ open: number; ended: number }> {
  const count = 20;
  const gate = Promise.withResolvers<void>();
  const client = make(streaming(chunks, textOf, () => gate.promise));
  const before = await heapBytes();
  const iterators = await Promise.all(
    Array.from({ length: count }, async () => (await streamOf(client))[Symbol.asyncIterator]()),
  );
  for (const iterator of iterators) await read(iterator, chunks + 1);
  const rest = iterators.map((iterator) => read(iterator));
  await pause(20);
  const open = ((await heapBytes()) - before) / count;
  gate.resolve();
  await Promise.all(rest);
  return { open, ended: ((await heapBytes()) - before) / count };
}

const held = (when: 'open' | 'ended'): Curve => ({
  name: `bytes held by a stream ${when === 'open' ? 'before its end' : 'after its end'}, by chunks`,
  unit: 'x its text',
  goal: when === 'open' ? '2' : '0',
  sizes: [100, 1000, 10_000],
  async at(chunks) {
    const text = Array.from({ length: chunks }, (_, i) => word(i + 1)).join('').length;
    const routed = (fetch: unknown) => routerOf(2, { clients: { default: clientOf(fetch) } });
    for (const make of [plainOf, routed]) await heldBy(make, 100);
    const plain = await heldBy(plainOf, chunks);
    const router = await heldBy(routed, chunks);
    return Math.max(0, router[when] - plain[when]) / text;
  },
});

const withLogprobs = (i: number) => ({
  ...textOf(i),
  logprobs: { content: [{ token: word(i), logprob: -0.1, bytes: [1, 2, 3], top_logprobs: [] }], refusal: null },
});
const withDetails = (i: number) => ({
  delta: { content: word(i), reasoning_details: [{ type: 'reasoning.text', text: word(i), index: 0 }] },
});

const cachedHold = (what: string, choiceOf: (i: number) => object, how: 'miss' | 'stream' | 'whole'): Curve => ({
  name: `cached stream with ${what}, ${how === 'miss' ? 'as it comes' : how === 'stream' ? 'hit as a stream' : 'hit as a whole'}: CPU, by chunks`,
  unit: 'us a chunk',
  goal: 'flat',
  sizes: [300, 3000, 30_000],
  async at(chunks) {
    await using router = routerOf(2, { cache: true, clients: { default: clientOf(streaming(chunks, choiceOf)) } });
    const whole = () => router.chat.completions.create({ model: 'bench', messages });
    const stream = async () => read((await streamOf(router))[Symbol.asyncIterator]());
    const ms =
      how === 'miss'
        ? await leastMs(1, stream)
        : await stream().then(() => leastMs(3, how === 'whole' ? whole : stream));
    const { hits } = router.snapshot().cache;
    if ((how === 'miss') !== (hits === 0)) throw new Error(`${hits} hits`);
    return (1000 * ms) / chunks;
  },
});

const wholeHold: Curve = {
  name: 'cached stream with logprobs, hit as a whole: longest hold, by chunks',
  unit: 'ms',
  goal: '20',
  sizes: [300, 3000, 30_000],
  async at(chunks) {
    await using router = routerOf(2, { cache: true, clients: { default: clientOf(streaming(chunks, withLogprobs)) } });
    await read((await streamOf(router))[Symbol.asyncIterator]());
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i += 1)
      least = Math.min(least, await longestHoldMs(() => router.chat.completions.create({ model: 'bench', messages })));
    return least;
  },
};

const MB = 1024 * 1024;
/** A stream far larger than the store. */
const large: Curve = {
  name: 'cached stream under maxBytes of 64 MiB: held at its end, by MB',
  unit: 'MB',
  goal: 'below 2 x 16',
  sizes: [10, 30, 100],
  async at(megabytes) {
    const gate = Promise.withResolvers<void>();
    const fetch = streaming(
      megabytes * 16,
      (i) => ({ delta: { content: `${i}${'x'.repeat(MB / 16)}` } }),
      () => gate.promise,
    );
    await using router = routerOf(2, {
      cache: { mode: 'all', maxBytes: 64 * MB },
      clients: { default: clientOf(fetch) },
    });
    const before = await heapBytes();
    const iterator = (await streamOf(router))[Symbol.asyncIterator]();
    await read(iterator, megabytes * 16 + 1);
    const rest = read(iterator);
    await pause(20);
    const heldBytes = (await heapBytes()) - before;
    gate.resolve();
    await rest;
    return heldBytes / MB;
  },
};

const joined = (what: 'join' | 'leave'): Curve => ({
  name: `joined calls ${what} one call, by calls`,
  unit: 'us a call',
  goal: 'flat',
  sizes: [1000, 3000, 10_000],
  async at(count) {
    const gate = Promise.withResolvers<void>();
    const fetch = streaming(10, textOf);
    const late: typeof globalThis.fetch = (...given) => gate.promise.then(() => fetch(...given));
    await using router = routerOf(2, { cache: true, clients: { default: clientOf(late) } });
    const controllers = Array.from({ length: count }, () => new AbortController());
    let calls: Promise<unknown>[] = [];
    const joining = await leastMs(1, async () => {
      calls = controllers.map(({ signal }) => streamOf(router, { signal }).catch(() => undefined));
      await new Promise((resolve) => setImmediate(resolve));
    });
    const leaving = await leastMs(1, () => {
      for (const controller of controllers) controller.abort();
      return Promise.all(calls);
    });
    gate.resolve();
    return (1000 * (what === 'join' ? joining : leaving)) / count;
  },
});

const otherListeners: Curve = {
  name: 'stream under a signal with other listeners, by listeners',
  unit: 'x plain',
  goal: 'flat',
  sizes: [10, 1000, 10_000],
  async at(count) {
    const controller = new AbortController();
    const { signal } = controller;
    for (let i = 0; i < count; i += 1) signal.addEventListener('abort', () => {});
    const fetch = streaming(20, textOf);
    await using router = routerOf(2, { clients: { default: clientOf(fetch) } });
    const open = (client: OpenAI) => async () => read((await streamOf(client, { signal }))[Symbol.asyncIterator]());
    return await ratioOf(open(plainOf(fetch)), open(router));
  },
};

export const streamCurves: Record<string, readonly Curve[]> = {
  streams: [held('open'), held('ended')],
  'cached-streams': [
    cachedHold('logprobs', withLogprobs, 'miss'),
    cachedHold('logprobs', withLogprobs, 'stream'),
    cachedHold('logprobs', withLogprobs, 'whole'),
    cachedHold('reasoning_details', withDetails, 'miss'),
    cachedHold('reasoning_details', withDetails, 'stream'),
    wholeHold,
    large,
  ],
  joined: [joined('join'), joined('leave')],
  signals: [otherListeners],
};
