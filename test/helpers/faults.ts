import type { CallOptions, InterruptionReason, Outcome } from 'model-router';
import * as kit from 'model-router/testing';

/** The end of a call whose first deployment has a fault. */
export type Ending =
  /**
   * The fallback answers, after the first attempt ended with one of these outcomes: the SDK's versions differ for some
   * faults.
   */
  | { readonly by: 'fallback'; readonly after: readonly Outcome[] }
  /** The primary answers in spite of the fault. */
  | { readonly by: 'primary'; readonly text?: string | RegExp; readonly unfinished?: true }
  /** The stream had begun: it is interrupted, with this text delivered. */
  | { readonly interrupted: InterruptionReason; readonly text: string };

export interface Fault {
  /** `refused`: no server listens on the port. */
  readonly primary: kit.Script | 'refused';
  readonly plain: Ending;
  readonly stream: Ending;
  readonly options?: CallOptions;
}

/** The primary's text, in pieces that no other deployment has. */
export const PRIMARY_TEXT = 'p1 p2 p3 p4';
export const FALLBACK_TEXT = 'f1 f2 f3 f4';
export const said = { content: PRIMARY_TEXT, chunks: ['p1 ', 'p2 ', 'p3 ', 'p4'] } as const;
export const saidByFallback = kit.answer({ content: FALLBACK_TEXT, chunks: ['f1 ', 'f2 ', 'f3 ', 'f4'] });

const primary: Ending = { by: 'primary' };
const fallback = (...after: Outcome[]): Ending => ({ by: 'fallback', after });
const interrupted = (reason: InterruptionReason, text: string): Ending => ({ interrupted: reason, text });
const both = (primary: Fault['primary'], ending: Ending, options?: CallOptions): Fault => ({
  primary,
  plain: ending,
  stream: ending,
  ...(options && { options }),
});

const event = (delta: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`;
const eventStream = { 'content-type': 'text/event-stream' };
const json = { 'content-type': 'application/json' };
const raw = (body: string, headers: Record<string, string> = json) => kit.bytes({ headers, chunks: [body] });
const twice = (first: Ending, second: Ending) => ({ plain: first, stream: second });

/** For faults without an answer. All others have the time that a busy machine may need. */
const brief: CallOptions = { attemptTimeoutMs: 300, chunkTimeoutMs: 150 };

const timing: Record<string, Fault> = {
  'slow, but in time': both(kit.answer({ ...said, latencyMs: 40 }), primary),
  'slower than an attempt’s limit': both(kit.answer({ ...said, latencyMs: 600 }), fallback('timeout'), brief),
  'hangs before the headers': both(kit.hang(), fallback('timeout'), brief),
  'hangs after the headers': both(kit.hangAfterHeaders(said), fallback('timeout'), brief),
  'drips, but in time': both(kit.slowDrip({ ...said, bytesPerMs: 60 }), primary),
  'drips too slowly': both(kit.slowDrip({ ...said, bytesPerMs: 0.1 }), fallback('timeout'), brief),
  'stalls before the content': both(kit.stall({ ...said, afterChunks: 0 }), fallback('timeout'), brief),
  'stalls after some content': {
    primary: kit.stall({ ...said, afterChunks: 2 }),
    ...twice(fallback('timeout'), interrupted('stalled', 'p1 p2 ')),
    options: brief,
  },
  'pauses, but not for too long': both(kit.stall({ ...said, afterChunks: 2, ms: 40 }), primary),
  'sends endless comments': both(kit.commentFlood({ ...said, stepMs: 2 }), fallback('timeout'), brief),
  'sends comments, then answers': both(kit.commentFlood({ ...said, stepMs: 1, count: 20 }), primary),
  'sends comments instead of the rest': {
    primary: kit.bytes({
      headers: eventStream,
      chunkMs: 10,
      chunks: [event({ content: 'p1 ' }), ...Array.from({ length: 200 }, () => ': keep-alive\n\n')],
      ending: 'hang',
    }),
    ...twice(fallback('timeout'), interrupted('stalled', 'p1 ')),
    options: brief,
  },
};

const connection: Record<string, Fault> = {
  'refuses the connection': both('refused', fallback('connection')),
  'resets on connect': both(kit.reset(), fallback('connection')),
  'closes before the content': both(kit.cut({ ...said, afterChunks: 0 }), fallback('connection')),
  'closes after some content': {
    primary: kit.cut({ ...said, afterChunks: 2, chunkMs: 5 }),
    ...twice(fallback('connection'), interrupted('cut', 'p1 p2 ')),
  },
  'resets after some content': {
    primary: kit.resetMidBody({ ...said, afterChunks: 3, chunkMs: 5 }),
    ...twice(fallback('connection'), interrupted('cut', 'p1 p2 p3 ')),
  },
  'promises more bytes than it sends': {
    primary: kit.bytes({ headers: { ...json, 'content-length': '900' }, chunks: ['{"choices":'], ending: 'close' }),
    ...twice(fallback('connection'), fallback('connection')),
  },
};

const bodies: Record<string, Fault> = {
  'ends too early, without content': both(kit.endEarly({ ...said, afterChunks: 0 }), fallback('invalid-answer')),
  'ends too early, after some content': {
    primary: kit.endEarly({ ...said, afterChunks: 2 }),
    ...twice(fallback('invalid-answer'), interrupted('missing-end', 'p1 p2 ')),
  },
  'breaks JSON in two': {
    primary: kit.truncated({ ...said, atByte: 120 }),
    ...twice(fallback('invalid-answer'), fallback('invalid-answer')),
  },
  'sends broken JSON, before the content': both(kit.malformed({ ...said, afterChunks: 0 }), fallback('invalid-answer')),
  'sends broken JSON, after some content': {
    primary: kit.malformed({ ...said, afterChunks: 2 }),
    ...twice(fallback('invalid-answer'), interrupted('malformed', 'p1 p2 ')),
  },
  'sends the wrong content type': both(kit.wrongType(said), fallback('invalid-answer')),
  'sends a web page with 200': both(kit.html(), fallback('invalid-answer')),
  'sends nothing with 200': both(kit.empty(), fallback('invalid-answer')),
  'sends 204': both(kit.bytes({ status: 204, chunks: [] }), fallback('invalid-answer')),
  'sends null': both(raw('null'), fallback('invalid-answer')),
  'sends a list': both(raw('[]'), fallback('invalid-answer')),
  'sends an object without choices': both(raw('{"id":"x"}'), fallback('invalid-answer')),
  'sends no choice': both(raw('{"choices":[]}'), fallback('invalid-answer')),
  'sends an error with 200': both(raw('{"error":{"message":"no"}}'), fallback('invalid-answer')),
  'streams although no stream was requested': {
    primary: raw(`${event({ content: 'p1 ' })}data: [DONE]\n\n`, eventStream),
    ...twice(fallback('invalid-answer'), { by: 'primary', text: 'p1 ', unfinished: true }),
  },
  'sends an end mark and nothing else': both(raw('data: [DONE]\n\n', eventStream), fallback('invalid-answer')),
  'sends an end mark alone, and closes the connection': {
    primary: kit.bytes({ headers: eventStream, chunks: ['data: [DONE]\n\n'], ending: 'close' }),
    ...twice(fallback('connection'), fallback('invalid-answer', 'connection')),
  },
  'closes the connection after the end': {
    primary: kit.bytes({
      headers: eventStream,
      chunks: [
        event({ content: 'p1 ' }),
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
      ],
      ending: 'close',
    }),
    ...twice(fallback('connection'), { by: 'primary', text: 'p1 ' }),
  },
  'sends bytes that are no UTF-8': both(kit.invalidUtf8(said), { by: 'primary', text: /^\uFFFD\(\uFFFDp1/ }),
  'declares a compressed body that is not': both(
    raw('{"choices":[]}', { ...json, 'content-encoding': 'gzip' }),
    fallback('connection'),
  ),
  'an error event before the content': {
    primary: kit.errorEvent({ ...said, afterChunks: 0 }),
    ...twice(fallback('invalid-answer'), fallback('server-error')),
  },
  'an error event after some content': {
    primary: kit.errorEvent({ ...said, afterChunks: 2 }),
    ...twice(fallback('invalid-answer'), interrupted('error-event', 'p1 p2 ')),
  },
  'no [DONE]': both(kit.noDone(said), primary),
  'no finish_reason': {
    primary: kit.noFinishReason(said),
    ...twice(primary, { by: 'primary', unfinished: true }),
  },
  'a finish_reason without content': {
    primary: kit.answer({ content: '' }),
    ...twice(fallback('invalid-answer'), { by: 'primary', text: '' }),
  },
};

const statuses: Record<string, Fault> = Object.fromEntries([
  ...[408, 409, 500, 502, 503, 504, 520, 529].map((status) => [
    `status ${status}`,
    both(kit.fail(status), fallback('server-error')),
  ]),
  ['status 502 as a text', both(kit.fail(502, { body: 'Bad gateway' }), fallback('server-error'))],
  ['status 503 with Retry-After', both(kit.fail(503, { headers: { 'retry-after': '1' } }), fallback('server-error'))],
  ['a 10 MB error', both(kit.hugeError(), fallback('server-error'))],
  ['status 401', both(kit.fail(401), fallback('unauthorized'))],
  ['status 402', both(kit.fail(402, { type: 'payment_required', code: null }), fallback('forbidden'))],
  ['no quota left', both(kit.fail(429, { code: 'insufficient_quota' }), fallback('unauthorized'))],
  ['status 403', both(kit.fail(403), fallback('forbidden'))],
  ['an unknown model', both(kit.fail(404, { code: 'model_not_found' }), fallback('model-not-found'))],
  ...[
    '1',
    '0',
    '-5',
    'NaN',
    '1e999',
    '3600',
    '1.5',
    'soon',
    'Mon, 01 Jan 2001 00:00:00 GMT',
    'Fri, 01 Jan 2100 00:00:00 GMT',
    '',
  ].map((value) => [
    `status 429 with Retry-After: ${value || '(empty)'}`,
    both(kit.fail(429, { headers: { 'retry-after': value } }), fallback('rate-limited')),
  ]),
  ['a burst of 429', both([kit.fail(429), kit.fail(429), kit.fail(429), kit.answer(said)], fallback('rate-limited'))],
]);

export const faults: Record<string, Fault> = { ...timing, ...connection, ...bodies, ...statuses };
