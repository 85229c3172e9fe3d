import { callOptions, type ModelRouter } from 'model-router';
import { answer, hang, slowDrip } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { read, sendChat, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

/** An abort signal from jsdom or a polyfill: the right shape, and a class that the platform does not know. */
class ForeignSignal extends EventTarget {
  aborted = false;
  reason: unknown;
  listening = 0;

  abort(reason: unknown = new Error('foreign')): void {
    this.aborted = true;
    this.reason = reason;
    this.dispatchEvent(new Event('abort'));
  }

  override addEventListener(...given: Parameters<EventTarget['addEventListener']>): void {
    this.listening++;
    super.addEventListener(...given);
  }

  override removeEventListener(...given: Parameters<EventTarget['removeEventListener']>): void {
    this.listening--;
    super.removeEventListener(...given);
  }
}

const hedged = { hedgeAfterMs: 500 };
const drip = slowDrip({ bytesPerMs: 0.001 });

const unread: [string, (router: ModelRouter, options: OpenAI.RequestOptions) => Promise<Response>][] = [
  [
    'audio.speech',
    (router, options) => router.audio.speech.create({ model: 'standard', input: 'Hi', voice: 'alloy' }, options),
  ],
  ['asResponse', (router, options) => sendChat(router, 'standard', options).asResponse()],
  ['asResponse of a stream', (router, options) => streamChat(router, 'standard', options).asResponse()],
];

it.each(
  unread.flatMap(([name, make]) => [[name, 'hedged', make, hedged] as const, [name, 'alone', make, {}] as const]),
)('%s, %s: an abort ends the body while it is read', async (_, how, make, options) => {
  const { router, fake } = build({ a: how === 'hedged' ? hang() : drip, b: drip }, { retry: { budget: 1 } });
  const signal = new ForeignSignal();
  onTestFinished(() => router.close());
  const { value } = await settled(make(router, { ...callOptions(options), signal: signal as unknown as AbortSignal }));
  expect(fake.open).toBe(1);
  const body = watch(Promise.resolve(value?.arrayBuffer()));
  await pass(100);
  signal.abort();
  await pass(0);
  expect([body.state, fake.open]).toEqual(['rejected', 0]);
});

it.each([{}, hedged])('an abort ends a stream, and leaves no listener: %j', async (options) => {
  const { router, fake } = build({ a: answer({ chunks: 10, chunkMs: 1000 }), b: answer() });
  const signal = new ForeignSignal();
  const call = streamChat(router, 'standard', {
    ...callOptions(options),
    signal: signal as unknown as AbortSignal,
  });
  const reading = watch(call.then(read));
  await pass(2500);
  expect(signal.listening).toBeGreaterThan(0);
  signal.abort();
  await pass(0);
  expect(reading).toMatchObject({ state: 'fulfilled', value: { error: undefined } });
  expect([fake.open, signal.listening]).toEqual([0, 0]);
});
