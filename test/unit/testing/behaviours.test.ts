import type OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import * as kit from '../../../src/testing/index.js';
import { doorNames, doors, sdkNames } from './entry-points.js';

const content = 'one two three four ';
const said = { content, chunks: ['one ', 'two ', 'three ', 'four '] };

interface Row {
  readonly behaviour: kit.Behaviour;
  /** The result that the SDK's caller sees. */
  readonly plain: string;
  readonly stream: string;
  /** If the older SDK reports it differently. */
  readonly stream6?: string;
  readonly outcome?: kit.RequestOutcome;
}

const badJson = 'SyntaxError';
const cutOff = 'TypeError terminated UND_ERR_SOCKET';
const cutByReset = 'TypeError terminated ECONNRESET';
const aborted = 'aborted';

/** Streams are described piece by piece: `one |two |stop|usage`. */
const wholeStream = 'one |two |three |four |stop|usage';

const rows: Record<string, Row> = {
  answer: { behaviour: kit.answer(said), plain: `${content}/stop`, stream: wholeStream },
  'fail 503': {
    behaviour: kit.fail(503),
    plain: 'InternalServerError 503 server_error',
    stream: 'InternalServerError 503 server_error',
    outcome: 'failed',
  },
  'fail 429 with its own words': {
    behaviour: kit.fail(429, { code: 'insufficient_quota', type: 'insufficient_quota', message: 'No money.' }),
    plain: 'RateLimitError 429 insufficient_quota insufficient_quota',
    stream: 'RateLimitError 429 insufficient_quota insufficient_quota',
    outcome: 'failed',
  },
  'fail with a text': {
    behaviour: kit.fail(502, { body: 'Bad gateway' }),
    plain: 'InternalServerError 502',
    stream: 'InternalServerError 502',
    outcome: 'failed',
  },
  hang: { behaviour: kit.hang(), plain: aborted, stream: aborted, outcome: 'aborted' },
  hangAfterHeaders: { behaviour: kit.hangAfterHeaders(said), plain: aborted, stream: '', outcome: 'aborted' },
  reset: {
    behaviour: kit.reset(),
    plain: 'APIConnectionError ECONNRESET',
    stream: 'APIConnectionError ECONNRESET',
    outcome: 'cut',
  },
  resetMidBody: {
    behaviour: kit.resetMidBody(said),
    plain: cutByReset,
    stream: `one |${cutByReset}`,
    outcome: 'cut',
  },
  cut: {
    behaviour: kit.cut({ ...said, afterChunks: 3 }),
    plain: cutOff,
    stream: `one |two |three |${cutOff}`,
    outcome: 'cut',
  },
  'cut before the first piece': {
    behaviour: kit.cut({ ...said, afterChunks: 0 }),
    plain: cutOff,
    stream: cutOff,
    outcome: 'cut',
  },
  'cut after the last piece': {
    behaviour: kit.cut({ ...said, afterChunks: 99 }),
    plain: cutOff,
    stream: `one |two |three |four |${cutOff}`,
    outcome: 'cut',
  },
  'cut at a byte': { behaviour: kit.cut({ ...said, atByte: 10 }), plain: cutOff, stream: cutOff, outcome: 'cut' },
  endEarly: { behaviour: kit.endEarly({ ...said, afterChunks: 2 }), plain: badJson, stream: 'one |two ' },
  truncated: { behaviour: kit.truncated(said), plain: badJson, stream: `one |two |${badJson}`, stream6: 'one |two ' },
  noDone: { behaviour: kit.noDone(said), plain: `${content}/stop`, stream: wholeStream },
  noFinishReason: {
    behaviour: kit.noFinishReason(said),
    plain: `${content}/null`,
    stream: 'one |two |three |four |usage',
  },
  'a short stall': { behaviour: kit.stall({ ...said, ms: 5 }), plain: `${content}/stop`, stream: wholeStream },
  'a stall for ever': {
    behaviour: kit.stall({ ...said, afterChunks: 2 }),
    plain: aborted,
    stream: 'one |two ',
    outcome: 'aborted',
  },
  errorEvent: {
    behaviour: kit.errorEvent({ ...said, error: { code: 'overloaded', message: 'Too much.' } }),
    plain: 'error: Too much.',
    stream: 'one |APIError overloaded server_error',
  },
  malformed: { behaviour: kit.malformed(said), plain: badJson, stream: `one |${badJson}` },
  empty: { behaviour: kit.empty(), plain: 'undefined', stream: '' },
  html: { behaviour: kit.html(), plain: 'string <!doctype html>', stream: '' },
  wrongType: { behaviour: kit.wrongType(said), plain: 'string {"id":"chatcmpl', stream: '' },
  slowDrip: { behaviour: kit.slowDrip({ ...said, bytesPerMs: 200 }), plain: `${content}/stop`, stream: wholeStream },
  commentFlood: {
    behaviour: kit.commentFlood({ ...said, count: 5, stepMs: 1 }),
    plain: `${content}/stop`,
    stream: wholeStream,
  },
  hugeError: {
    behaviour: kit.hugeError(),
    plain: 'InternalServerError 500 server_error',
    stream: 'InternalServerError 500 server_error',
    outcome: 'failed',
  },
  invalidUtf8: {
    behaviour: kit.invalidUtf8(said),
    plain: `\u{fffd}(\u{fffd}${content}/stop`,
    stream: '\u{fffd}(\u{fffd}one |\u{fffd}(\u{fffd}two |\u{fffd}(\u{fffd}three |\u{fffd}(\u{fffd}four |stop|usage',
  },
  bytes: {
    behaviour: kit.bytes({
      headers: { 'Content-Type': 'application/json' },
      chunks: ['{"choices":[{"message":{"content":"raw"},', new TextEncoder().encode('"finish_reason":"stop"}]}')],
    }),
    plain: 'raw/stop',
    stream: '',
  },
  'bytes, cut': {
    behaviour: kit.bytes({ chunks: ['data: {"choices":[{"delta":{"content":"raw"}}]}\n\ndata: {"ch'], cutAt: 52 }),
    plain: cutOff,
    stream: `raw|${cutOff}`,
    outcome: 'cut',
  },
};

const request = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }] };

describe.each(sdkNames)('%s', (sdk) => {
  describe.each(doorNames)('%s', (door) => {
    it.each(Object.entries(rows))('%s', async (_, { behaviour, plain, stream, stream6, outcome = 'answered' }) => {
      await using open = await doors[door]({ models: { m: behaviour } }, sdk);
      const { client, fake } = open;
      const isPatient = outcome !== 'aborted';
      expect(await seen(client, new Patience(fake, 1, isPatient))).toBe(plain);
      await settled(fake);
      expect(fake.requests[0]?.outcome).toBe(outcome);

      expect(await streamed(client, new Patience(fake, 2, isPatient))).toBe(
        sdk === 'sdk 6' ? (stream6 ?? stream) : stream,
      );
      await settled(fake);
      expect(fake.requests[1]?.outcome).toBe(outcome);
    });
  });
});

/** Aborts a call when nothing has come for a while after the fake has it: soon if nothing is expected. */
class Patience {
  readonly #controller = new AbortController();
  readonly #isPatient: boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(fake: kit.FakeControls, count: number, isPatient: boolean) {
    this.#isPatient = isPatient;
    void vi
      .waitFor(() => expect(fake.count).toBeGreaterThanOrEqual(count), { interval: 5, timeout: 5000 })
      .then(() => this.again());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has come. */
  again(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#isPatient ? 5000 : 80);
    this.#timer.unref();
  }
}

/** A socket reports a little later that its client is gone. */
async function settled(fake: kit.FakeControls): Promise<void> {
  await vi.waitFor(() => expect(fake.open).toBe(0), { interval: 5, timeout: 5000 });
}

async function seen(client: OpenAI, { signal }: Patience): Promise<string> {
  try {
    const completion: unknown = await client.chat.completions.create(request, { signal });
    return tellPlain(completion);
  } catch (error) {
    return describeError(error);
  }
}

function tellPlain(completion: unknown): string {
  if (typeof completion === 'string') return `string ${completion.slice(0, 15).trim()}`;
  if (completion === undefined) return 'undefined';
  const { choices, error } = completion as OpenAI.ChatCompletion & { error?: { message: string } };
  if (error) return `error: ${error.message}`;
  return `${choices[0]?.message.content}/${choices[0]?.finish_reason}`;
}

async function streamed(client: OpenAI, patience: Patience): Promise<string> {
  const parts: (string | null | undefined)[] = [];
  const body = { ...request, stream: true, stream_options: { include_usage: true } } as const;
  try {
    const chunks = await client.chat.completions.create(body, { signal: patience.signal });
    patience.again();
    for await (const { choices, usage } of chunks) {
      patience.again();
      parts.push(choices[0]?.delta.content, choices[0]?.finish_reason, usage && 'usage');
    }
  } catch (error) {
    parts.push(describeError(error));
  }
  return parts.filter((part) => part !== null && part !== undefined && part !== '').join('|');
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `not an error: ${String(error)}`;
  const { status, code, type, cause } = error as Error & Record<'status' | 'code' | 'type' | 'cause', unknown>;
  const name = error.constructor.name;
  if (name === 'APIUserAbortError' || error.name === 'AbortError') return aborted;
  const causes = [cause, cause instanceof Error ? cause.cause : undefined].map(
    (inner) => (inner as { code?: unknown } | undefined)?.code,
  );
  const message = error.message === 'terminated' ? 'terminated' : undefined;
  return [name, message, status, code, type, ...causes].filter((part) => part !== undefined && part !== null).join(' ');
}
