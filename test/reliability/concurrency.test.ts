import { callRecord, type ModelRouter } from 'model-router';
import { answer, type Behaviour, empty, fail, hang, hangAfterHeaders, html, reset } from 'model-router/testing';
import { APIUserAbortError } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { FALLBACK_TEXT, saidByFallback } from '../helpers/faults.js';
import { errorOf, messages, read, sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';
import { withTwoProviders } from '../helpers/two-providers.js';

const AT_ONCE = 64;
const ROUNDS = 20;
const many = <T>(make: (index: number) => T, count = AT_ONCE) =>
  Array.from({ length: count }, (_, index) => make(index));

describe('64 calls at once, 20 times, while the primary is down', () => {
  it('are all answered on real sockets, and leave none open', async () => {
    await withTwoProviders(reset(), {}, async ({ router, primary, fallback }) => {
      let attempts = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const texts = await Promise.all(
          many(async (index) => {
            if (index % 2 === 0) {
              const completion = await sendChat(router);
              attempts += callRecord(completion)?.attempts.length ?? 0;
              return completion.choices[0]?.message.content;
            }
            const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true });
            const { text, error } = await read(stream);
            attempts += callRecord(stream)?.attempts.length ?? 0;
            return error ?? text;
          }),
        );
        expect(new Set(texts)).toEqual(new Set([FALLBACK_TEXT]));
      }
      expect(attempts).toBe(primary.count + fallback.count);
      // The first round detects the outage, half of it while its own calls are still running; after that there are only
      // probes.
      expect(primary.count).toBeLessThanOrEqual(AT_ONCE + ROUNDS);
    });
  }, 30_000);

  describe('in virtual time', () => {
    useFakeTime();

    const down: [string, Behaviour][] = [
      ['resets', reset()],
      ['fails', fail(503, { latencyMs: 20 })],
      ['is out of quota for a second', fail(429, { headers: { 'retry-after': '1' } })],
      ['hangs', hang()],
      ['hangs after the headers', hangAfterHeaders()],
      ['hangs and ignores aborts', hang({ ignoreAbort: true })],
      ['answers nothing', empty()],
      ['answers with a web page', html()],
    ];

    it.each(down)('are all answered where it %s', async (_, behaviour) => {
      const { router, fake } = build(
        { primary: behaviour, fallback: answer({ ...saidByFallback, latencyMs: 50 }) },
        { deadlineMs: 2000 },
      );
      for (let round = 0; round < ROUNDS; round += 1) {
        const start = performance.now();
        const calls = await settled(Promise.allSettled(many(() => sendChat(router))));
        expect(calls.value?.filter(({ status }) => status === 'rejected')).toEqual([]);
        expect((calls.at ?? Number.NaN) - start).toBeLessThanOrEqual(2000);
        expect(fake.open).toBe(behaviour.ignoreAbort ? fake.requestsOf('primary').length : 0);
        await pass(3000);
      }
      const outcomes = router.snapshot().deployments;
      expect(outcomes.fallback).toMatchObject({
        requests: AT_ONCE * ROUNDS,
        failures: 0,
        inFlight: 0,
        state: 'closed',
      });
      expect(outcomes.primary).toMatchObject({ inFlight: 0 });
    });
  });
});

describe('a breaker under many calls', () => {
  useFakeTime();

  const COOLDOWN_MS = 10_000;
  const stateOf = (router: ModelRouter) => router.snapshot().deployments.primary?.state;
  const callsTo = (calls: readonly Awaited<ReturnType<typeof sendChat>>[], deployment: string) =>
    calls.filter((call) => callRecord(call)?.deployment === deployment).length;

  /** A router whose primary's breaker has just opened, with the primary's next behaviour. */
  async function opened(next: Behaviour, settings: Parameters<typeof build>[1] = {}) {
    const built = build({ primary: fail(500), fallback: saidByFallback }, settings);
    for (let i = 0; i < 5; i += 1) await settled(sendChat(built.router));
    expect(stateOf(built.router)).toBe('open');
    built.fake.set('primary', next);
    built.fake.clear();
    return built;
  }

  it('lets one of 64 calls through after its cooldown', async () => {
    const { router, fake } = await opened(answer({ latencyMs: 30 }));
    await pass(COOLDOWN_MS - 1);
    const early = (await settled(Promise.all(many(() => sendChat(router))))).value ?? [];
    expect(callsTo(early, 'fallback')).toBe(AT_ONCE);
    expect(fake.requestsOf('primary')).toEqual([]);
    await pass(1);
    const inTime = (await settled(Promise.all(many(() => sendChat(router))))).value ?? [];
    expect([callsTo(inTime, 'primary'), callsTo(inTime, 'fallback')]).toEqual([1, AT_ONCE - 1]);
    expect(stateOf(router)).toBe('closed');
    const after = (await settled(Promise.all(many(() => sendChat(router))))).value ?? [];
    expect(callsTo(after, 'primary')).toBe(AT_ONCE);
  });

  it('sends the next call as a probe if a probe hangs and its lease is over', async () => {
    const { router, fake } = await opened(hang({ ignoreAbort: true }), { attemptTimeoutMs: 60_000 });
    await pass(COOLDOWN_MS);
    const hung = watch(sendChat(router));
    await pass(0);
    expect(fake.requestsOf('primary')).toHaveLength(1);
    fake.set('primary', answer());
    await pass(COOLDOWN_MS - 1);
    expect(callsTo((await settled(Promise.all(many(() => sendChat(router))))).value ?? [], 'primary')).toBe(0);
    await pass(1);
    const calls = (await settled(Promise.all(many(() => sendChat(router))))).value ?? [];
    expect([callsTo(calls, 'primary'), stateOf(router)]).toEqual([1, 'closed']);
    expect(hung.state).toBe('pending');
    await pass(60_000);
    // The late failure of the old probe belongs to an earlier generation.
    expect([hung.state, stateOf(router)]).toEqual(['fulfilled', 'closed']);
  });

  it('lets the next call probe, and does not close, when the caller of a probe aborts', async () => {
    const { router, fake } = await opened(hang());
    await pass(COOLDOWN_MS);
    const controller = new AbortController();
    const probe = errorOf(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(5);
    expect(fake.open).toBe(1);
    controller.abort();
    expect(await probe).toBeInstanceOf(APIUserAbortError);
    expect([fake.open, stateOf(router)]).toEqual([0, 'halfOpen']);
    fake.set('primary', fail(500));
    const calls = (await settled(Promise.all(many(() => sendChat(router))))).value ?? [];
    expect(callsTo(calls, 'fallback')).toBe(AT_ONCE);
    expect([fake.requestsOf('primary').length, stateOf(router)]).toEqual([2, 'open']);
  });

  it('neither opens nor closes after aborts', async () => {
    const { router, fake } = build({ primary: hang(), fallback: saidByFallback });
    const abortMany = async () => {
      const controller = new AbortController();
      const calls = many(() => errorOf(sendChat(router, 'standard', { signal: controller.signal })));
      await pass(5);
      controller.abort();
      await Promise.all(calls);
    };
    await abortMany();
    expect(stateOf(router)).toBe('closed');
    fake.set('primary', fail(500));
    for (let i = 0; i < 4; i += 1) await settled(sendChat(router));
    fake.set('primary', hang());
    await abortMany();
    expect(stateOf(router)).toBe('closed');
    fake.set('primary', fail(500));
    await settled(sendChat(router));
    expect(stateOf(router)).toBe('open');
  });

  it('does not close after an answer to a call from before it opened', async () => {
    const { router, fake } = build({ primary: answer({ latencyMs: 500 }), fallback: saidByFallback });
    const slow = watch(sendChat(router));
    await pass(1);
    fake.set('primary', fail(500));
    await settled(Promise.all(many(() => sendChat(router))));
    expect([slow.state, stateOf(router)]).toEqual(['pending', 'open']);
    await pass(500);
    expect([slow.state, stateOf(router)]).toEqual(['fulfilled', 'open']);
  });
});

describe('64 calls at once while everything is down', () => {
  useFakeTime();

  it('make no more attempts than allowed, and take no more retries than there are tokens', async () => {
    const { router, fake } = build(
      { primary: fail(500), fallback: fail(500) },
      { breaker: false, maxAttempts: 5, retry: { budget: 0.1, minPerSecond: 1 } },
    );
    const calls = await settled(Promise.all(many(() => errorOf(sendChat(router)))));
    const records = (calls.value ?? []).map((error) => callRecord(error)?.attempts ?? []);
    expect(records).toHaveLength(AT_ONCE);
    expect(Math.max(...records.map(({ length }) => length))).toBeLessThanOrEqual(5);
    const total = records.reduce((sum, { length }) => sum + length, 0);
    expect(total).toBe(fake.count);
    // Each call tried both; the other attempts took tokens: 10, plus a tenth for each call.
    expect(total - 2 * AT_ONCE).toBe(Math.floor(10 + AT_ONCE / 10));
  });

  it('try both deployments once when both breakers are open, and throw the last error', async () => {
    const { router, fake } = build({ primary: fail(500), fallback: fail(503) }, { maxAttempts: 2 });
    await settled(Promise.all(many(() => errorOf(sendChat(router)))));
    fake.clear();
    const errors = (await settled(Promise.all(many(() => errorOf(sendChat(router)))))).value ?? [];
    expect(new Set(errors.map((error) => (error as { status?: number }).status))).toEqual(new Set([503]));
    expect([fake.requestsOf('primary').length, fake.requestsOf('fallback').length]).toEqual([AT_ONCE, AT_ONCE]);
    fake.set('primary', answer());
    await pass(10_000);
    await settled(sendChat(router));
    expect(router.snapshot().deployments.primary?.state).toBe('closed');
  });
});
