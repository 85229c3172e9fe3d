// The memory of streams, and how long they block the event loop.
import { ModelRouter } from 'model-router';
import type { OpenAI } from 'openai';
import { type Curve, heapBytes, leastMs, longestHoldMs, pause, ratioOf } from './measure.ts';
import { clientOf, messages, plainOf, read, routerOf, streaming } from './setup.ts';

const streamOf = (client: OpenAI, options?: object) =>
  client.chat.completions.create({ model: 'bench', messages, stream: true }, options);

/** Some twenty letters that no other chunk has in common. */
const word = (i: number) => `${((i * 2_654_435_761) % 2 ** 32).toString(36).repeat(3)} `;
const textOf = (i: number) => ({ delta: { content: word(i) } });

/** The memory of each stream while it waits for its end, and after it, as long as the application keeps its iterator. */
async function heldBy(make: (fetch: unknown) => OpenAI, chunks: number): Promise<{ open: number; ended: number }> {
  const count = Math.max(20, 60_000 / chunks);
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
  const ended = ((await heapBytes()) - before) / iterators.length;
  return { open, ended };
}

const held = (when: 'open' | 'ended'): Curve => ({
  name: `bytes held by a stream ${when === 'open' ? 'before its end' : 'after its end'}, by chunks`,
  unit: 'x its text',
  goal: when === 'open' ? '2' : '0',
  sizes: [100, 1000, 10_000],
  async at(chunks) {
    const text = Array.from({ length: chunks }, (_, i) => word(i + 1)).join('').length;
    const routed = (fetch: unknown) => routerOf(2, { clients: { default: clientOf(fetch) } });
    for (const make of [plainOf, routed, plainOf, routed]) await heldBy(make, chunks);
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

/** Reads a stream as if its chunks came by and by, so that the reading itself does not hold the event loop. */
async function readSlowly(stream: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const _ of stream) {
    count += 1;
    if (count % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Streams, and whole answers of the same content. */
function answeringWith(chunks: number): typeof fetch {
  const stream = streaming(chunks, withLogprobs);
  const indexes = Array.from({ length: chunks }, (_, i) => i);
  const content = indexes.map(word).join('');
  const logprobs = { content: indexes.flatMap((i) => withLogprobs(i).logprobs.content), refusal: null };
  const choices = [{ index: 0, finish_reason: 'stop', logprobs, message: { role: 'assistant', content } }];
  const usage = { prompt_tokens: 9, completion_tokens: chunks, total_tokens: 9 + chunks };
  const whole = JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'm', choices, usage });
  return async (url, init) =>
    String(init?.body).includes('"stream":true')
      ? stream(url, init)
      : new Response(whole, { headers: { 'content-type': 'application/json' } });
}

type Step = 'stream' | 'whole';

/** The longest hold of the last of some calls, which the cache answers from what the one before it has stored. */
const longestHold = (
  what: string,
  steps: readonly Step[],
  make: (fetch: typeof globalThis.fetch) => OpenAI,
): Curve => ({
  name: `answer with logprobs, ${what}: longest hold of the event loop, by chunks`,
  unit: 'ms',
  goal: 'at most 20 over a plain client',
  sizes: [300, 3000, 30_000],
  async at(chunks) {
    const fetch = answeringWith(chunks);
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i += 1) {
      const client = make(fetch);
      const call = {
        stream: async () => readSlowly(await streamOf(client)),
        whole: () => client.chat.completions.create({ model: 'bench', messages }),
      };
      for (const step of steps.slice(0, -1)) await call[step]();
      globalThis.gc?.();
      least = Math.min(least, await longestHoldMs(call[steps.at(-1) ?? 'whole']));
      if (client instanceof ModelRouter) {
        const { hits } = client.snapshot().cache;
        await client.close();
        if (hits !== steps.length - 1) throw new Error(`${hits} hits`);
      }
    }
    return least;
  },
});

const cachingRouter = (fetch: typeof globalThis.fetch) =>
  routerOf(2, { cache: true, clients: { default: clientOf(fetch) } });

const holds: readonly Curve[] = [
  longestHold('streamed by a plain client', ['stream'], plainOf),
  longestHold('streamed and stored', ['stream'], cachingRouter),
  longestHold('streamed from the cache', ['stream', 'stream'], cachingRouter),
  longestHold('whole by a plain client', ['whole'], plainOf),
  longestHold('whole from a stored stream', ['stream', 'whole'], cachingRouter),
  longestHold('streamed from a stored whole answer', ['whole', 'stream'], cachingRouter),
];

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
    ...holds,
    large,
  ],
  joined: [joined('join'), joined('leave')],
  signals: [otherListeners],
};
