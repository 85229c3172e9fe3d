import { getEventListeners } from 'node:events';
import { callRecord, StreamInterruptedError } from 'model-router';
import { describe, expect, it } from 'vitest';
import { type Ending, FALLBACK_TEXT, type Fault, faults, PRIMARY_TEXT } from '../helpers/faults.js';
import { messages, type ReadResult, read } from '../helpers/messages.js';
import { type TwoProviders, withTwoProviders } from '../helpers/two-providers.js';

const withFault = ({ primary, options }: Fault, use: (providers: TwoProviders) => Promise<void>) =>
  withTwoProviders(primary, { deadlineMs: 10_000, attemptTimeoutMs: 4000, chunkTimeoutMs: 4000, ...options }, use);

/** Compares the records of a call with the providers' requests and the call's result. */
function checkRecord(
  holder: unknown,
  ending: Ending,
  fault: Fault,
  { primary, fallback }: Omit<TwoProviders, 'router'>,
): void {
  const attempts = callRecord(holder)?.attempts ?? [];
  const attemptsAt = (deployment: string) => attempts.filter((each) => each.deployment === deployment).length;
  expect(attemptsAt('first')).toBe(fault.primary === 'refused' ? 1 : primary.count);
  expect(attemptsAt('second')).toBe(fallback.count);
  const outcomes = attempts.map(({ outcome }) => outcome);
  if ('interrupted' in ending) expect(outcomes).toEqual(['interrupted']);
  else if (ending.by === 'primary') expect(outcomes).toEqual(['success']);
  else expect(outcomes).toEqual([expect.toBeOneOf([...ending.after]), 'success']);
  if ('by' in ending && ending.by === 'primary') expect(attempts[0]?.unfinished).toBe(ending.unfinished);
}

function checkText(text: string | null | undefined, ending: Ending): void {
  if ('interrupted' in ending) expect(text).toBe(ending.text);
  else if (ending.by === 'fallback') expect(text).toBe(FALLBACK_TEXT);
  else if (ending.text instanceof RegExp) expect(text).toMatch(ending.text);
  else expect(text).toBe(ending.text ?? PRIMARY_TEXT);
}

describe.each(Object.entries(faults))('a primary that %s', (_, fault) => {
  it('does not fail a plain call', () =>
    withFault(fault, async ({ router, ...upstreams }) => {
      const { signal } = new AbortController();
      const completion = await router.chat.completions.create({ model: 'standard', messages }, { signal });
      checkText(completion.choices[0]?.message.content, fault.plain);
      checkRecord(completion, fault.plain, fault, upstreams);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }));

  it('does not fail a stream, or interrupts it with an error', () =>
    withFault(fault, async ({ router, ...upstreams }) => {
      const { signal } = new AbortController();
      const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true }, { signal });
      const result = await read(stream);
      checkText(result.text, fault.stream);
      checkInterruption(result, fault.stream);
      checkRecord(stream, fault.stream, fault, upstreams);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    }));
});

/** The error must report exactly the delivered text. */
function checkInterruption({ error, chunks, text }: ReadResult<unknown>, ending: Ending): void {
  if ('by' in ending) return expect(error).toBeUndefined();
  expect(error).toBeInstanceOf(StreamInterruptedError);
  if (!(error instanceof StreamInterruptedError)) return;
  expect(error.reason).toBe(ending.interrupted);
  expect(error.partial).toEqual(chunks);
  expect(error.text).toBe(text);
}

it('covers more than 24 kinds of fault', () => {
  expect(Object.keys(faults).length).toBeGreaterThanOrEqual(24);
});
