import {
  bytes,
  cut,
  empty,
  endEarly,
  errorEvent,
  html,
  malformed,
  noFinishReason,
  truncated,
  wrongType,
} from 'model-router/testing';
import { expect } from 'vitest';
import { messages } from '../../helpers/parity-bodies.js';
import type { Outcome, ParityCase } from '../../helpers/parity-case.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

/** Answers that a plain client accepts, or fails on in its own way, and that are failures for a router. */
const failing = (
  why: string,
  error: object,
  result?: (plain: Outcome) => unknown,
): NonNullable<ParityCase['differs']> => ({
  why,
  to: (plain) => ({
    requests: plain.requests,
    ...(result === undefined ? { error: expect.objectContaining(error) } : { result: result(plain) }),
  }),
});

const broken = (what: string) => ({
  isAPIError: true,
  status: undefined,
  message: expect.stringContaining(what),
});

const chat: ParityCase['run'] = (client, { m }) => client.chat.completions.create({ model: m('faulty'), messages });

const answers: ParityCase[] = [
  {
    name: '200 and nothing',
    models: { faulty: empty() },
    run: chat,
    differs: failing('no answer is a failure', broken('with an empty body')),
  },
  {
    name: 'a web page with 200',
    models: { faulty: html() },
    run: chat,
    differs: failing('a text where JSON was asked for is a failure', broken('other than a JSON object')),
  },
  {
    name: 'JSON that says that it is text',
    models: { faulty: wrongType() },
    run: chat,
    differs: failing('a text where JSON was asked for is a failure', broken('other than a JSON object')),
  },
  {
    name: 'an error in a 200',
    models: { faulty: errorEvent({ error: { message: 'Overloaded.' } }) },
    run: chat,
    differs: failing('an error with 200 is a failure, of the class of its status', {
      ...broken('Overloaded.'),
      class: 'InternalServerError',
      ...{ message: '500 Overloaded.', status: 500, code: null, param: null, type: 'server_error' },
      ...{ requestID: expect.any(String), headers: expect.any(Object) },
      body: { code: null, message: 'Overloaded.', param: null, type: 'server_error' },
    }),
  },
  {
    name: 'no choices',
    models: { faulty: bytes({ chunks: ['{"choices":[]}'], headers: { 'content-type': 'application/json' } }) },
    run: chat,
    differs: failing('an answer without a choice is a failure', broken('without a choice')),
  },
  { name: 'JSON cut short', models: { faulty: truncated() }, run: chat },
  { name: 'JSON that is broken', models: { faulty: malformed() }, run: chat },
  { name: 'a connection cut in mid-body', models: { faulty: cut() }, run: chat },
];

/** The content of a stream, and how it ends. */
const stream: ParityCase['run'] = async (client, { m }) => {
  const chunks: unknown[] = [];
  try {
    for await (const chunk of await client.chat.completions.create({ model: m('faulty'), messages, stream: true }))
      chunks.push(chunk);
    return { chunks, ended: 'well' };
  } catch (error) {
    return { chunks, error };
  }
};

const chunksOf = ({ result }: Outcome): unknown =>
  typeof result === 'object' && result !== null && 'chunks' in result ? result.chunks : undefined;

const interrupted = (why: string, reason: string) =>
  failing(why, {}, (plain) => ({
    chunks: chunksOf(plain),
    error: expect.objectContaining({
      class: 'StreamInterruptedError',
      code: 'stream_interrupted',
      message: `The stream broke after its first content (${reason}).`,
    }),
  }));

const streams: ParityCase[] = [
  {
    name: 'a stream that is cut',
    models: { faulty: cut({ afterChunks: 2 }) },
    run: stream,
    differs: interrupted('the error has what had arrived', 'cut'),
  },
  {
    name: 'a stream that ends early, without a word',
    models: { faulty: endEarly({ afterChunks: 2 }) },
    run: stream,
    differs: interrupted('half an answer is no answer', 'missing-end'),
  },
  {
    name: 'an error event after the first content',
    models: { faulty: errorEvent({ afterChunks: 2, error: { message: 'Overloaded.' } }) },
    run: stream,
    differs: interrupted('the error has what had arrived', 'error-event'),
  },
  {
    name: 'broken JSON after the first content',
    models: { faulty: malformed({ afterChunks: 2 }) },
    run: stream,
    differs: interrupted('the error has what had arrived', 'malformed'),
  },
  {
    name: 'a stream without finish_reason, but with [DONE]',
    models: { faulty: noFinishReason() },
    run: stream,
  },
  {
    name: 'an error event before any content',
    models: { faulty: errorEvent({ afterChunks: 0, error: { message: 'Overloaded.', code: 'overloaded' } }) },
    differs: {
      why: 'an error event is of the class of its status',
      to: (plain) => ({
        ...plain,
        error: { ...plain.error, class: 'InternalServerError', message: '500 Overloaded.', status: 500 },
      }),
    },
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('faulty'), messages, stream: true }).then(collect),
  },
];

describeParity('answers that are none', answers);
describeParity('streams that break', streams);
