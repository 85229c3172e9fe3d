import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { callRecord, type PinoLike, pinoLogger, type WinstonLike, winstonLogger } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { settled, useFakeTime } from '../../helpers/clock.js';
import { errorOf, sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

describe('diagnostics_channel', () => {
  function hear(name: string): unknown[] {
    const received: unknown[] = [];
    const listener = (message: unknown) => void received.push(message);
    subscribe(name, listener);
    onTestFinished(() => void unsubscribe(name, listener));
    return received;
  }

  it('publishes each call and each attempt', async () => {
    const calls = hear('model-router:call');
    const attempts = hear('model-router:attempt');
    const { router } = build({ a: fail(503), b: answer() });
    const record = callRecord(await sendChat(router));
    expect(calls).toEqual([{ record, error: null }]);
    expect(attempts).toEqual(record?.attempts.map((attempt) => ({ callId: record.id, attempt })));
    await errorOf(sendChat(router, 'a', { maxRetries: 0 }));
    expect(calls[1]).toMatchObject({ error: { status: 503 } });
  });

  it('publishes copies, and nothing without a subscriber', async () => {
    const calls = hear('model-router:call') as { record: { deployment: string } }[];
    const { router } = build({ a: answer() });
    const answered = await sendChat(router);
    for (const { record } of calls) record.deployment = 'changed';
    expect(callRecord(answered)?.deployment).toBe('a');
    expect(channel('model-router:attempt').hasSubscribers).toBe(false);
  });
});

describe('a runtime whose `process` throws, such as the edge runtime of Next.js', () => {
  it('answers calls, cached ones too', async () => {
    const spy = vi.spyOn(process, 'getBuiltinModule').mockImplementation(() => {
      throw new Error('A Node.js API is used (process.getBuiltinModule) which is not supported in the Edge Runtime.');
    });
    onTestFinished(() => spy.mockRestore());
    const { router, calledModels } = build({ a: fail(503), b: answer() }, { cache: true });
    await settled(sendChat(router));
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b']);
    expect(spy).toHaveBeenCalled();
  });
});

describe('loggers', () => {
  it('pino gets an object and the message', async () => {
    const lines: unknown[] = [];
    const write = (level: string) => (details: object, message: string) => lines.push([level, details, message]);
    const logger = pinoLogger({
      error: write('error'),
      warn: write('warn'),
      info: write('info'),
      debug: write('debug'),
    });
    const { router } = build({ a: answer() }, { logger, logLevel: 'info' });
    await settled(sendChat(router));
    expect(lines).toEqual([['info', {}, expect.stringMatching(/^model-router call_\S+ ok route=standard/)]]);
    logger.debug('of the SDK', { url: 'https://a.test' });
    expect(lines[1]).toEqual(['debug', { details: { url: 'https://a.test' } }, 'of the SDK']);
  });

  it.each([
    [
      'pino itself',
      () => pinoLogger((() => undefined) as unknown as PinoLike),
      'pinoLogger: a function is not allowed',
    ],
    [
      'nothing',
      () => pinoLogger(undefined as unknown as PinoLike),
      'pinoLogger: undefined is not allowed; give what pino() returns.',
    ],
    [
      'no winston logger',
      () => winstonLogger({} as unknown as WinstonLike),
      'winstonLogger: an empty object is not allowed',
    ],
  ])('%s is an error at once', (_, adapt, message) => {
    expect(adapt).toThrow(message);
  });

  it('winston gets one entry', async () => {
    const entries: unknown[] = [];
    const logger = winstonLogger({ log: (entry) => entries.push(entry) });
    const { router } = build({ a: answer() }, { logger, logLevel: 'info' });
    await settled(sendChat(router));
    expect(entries).toEqual([{ level: 'info', message: expect.stringMatching(/^model-router call_\S+ ok/) }]);
  });
});
