import { callRecord, type Outcome, StreamInterruptedError } from 'model-router';
import type { Behaviour } from 'model-router/testing';
import { expect, it } from 'vitest';
import { type Fault, faults, saidByFallback } from '../helpers/faults.js';
import { messages, read } from '../helpers/messages.js';
import { withTwoProviders } from '../helpers/two-providers.js';

/** One of plain calls, one of streams. */
const ROUNDS = 2;

/** Faults after which the primary still gets calls: pauses and refused keys would end the test early. */
const chosen = Object.entries(faults).filter(
  ([name, { plain }]) => !name.includes('Retry-After') && !('after' in plain && plain.after.some(isLeftAlone)),
);
const behaviours = chosen.flatMap(([, { primary }]) => (isBehaviour(primary) ? [primary] : []));
const interruptions = chosen.filter(([, { stream }]) => 'interrupted' in stream).length;

function isLeftAlone(outcome: Outcome): boolean {
  return outcome === 'rate-limited' || outcome === 'unauthorized';
}

function isBehaviour(primary: Fault['primary']): primary is Behaviour {
  return typeof primary === 'object' && 'type' in primary;
}

it('answers every call, or interrupts it with an error, under all faults at once', { timeout: 30_000 }, async () => {
  const choose = (_: unknown, n: number): Behaviour => behaviours[n % behaviours.length] ?? saidByFallback;
  const options = { breaker: false, attemptTimeoutMs: 2000, chunkTimeoutMs: 1000 } as const;
  await withTwoProviders(choose, options, async ({ router, primary, fallback }) => {
    let attempts = 0;
    let resent = 0;
    const ends = { answered: 0, interrupted: 0 };

    async function call(asStream: boolean): Promise<void> {
      const promise = asStream
        ? router.chat.completions.create({ model: 'standard', messages, stream: true })
        : router.chat.completions.create({ model: 'standard', messages });
      const answer = await promise;
      const result =
        'choices' in answer
          ? { text: answer.choices[0]?.message.content ?? '', error: undefined, chunks: [] }
          : await read(answer);
      const record = callRecord(promise);
      for (const { resends } of record?.attempts ?? []) {
        attempts += 1;
        resent += resends;
      }
      expect(record?.attempts.map(({ outcome }) => outcome)).not.toContain('pending');
      // Each deployment's text has letters of its own.
      expect(/[pP]\d/.test(result.text) && /f\d/.test(result.text)).toBe(false);
      if (result.error === undefined) {
        ends.answered += 1;
        return;
      }
      ends.interrupted += 1;
      expect(result.error).toBeInstanceOf(StreamInterruptedError);
      if (result.error instanceof StreamInterruptedError) expect(result.error.partial).toEqual(result.chunks);
    }

    for (const asStream of [false, true]) await Promise.all(behaviours.map(() => call(asStream)));
    const first = ROUNDS * behaviours.length;
    expect(primary.count).toBe(first + resent);
    expect(attempts).toBe(first + fallback.count);
    expect(ends).toEqual({ answered: first - interruptions, interrupted: interruptions });
    expect(Object.values(router.snapshot().deployments).map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });
});
