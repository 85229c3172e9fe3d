import { bytes, type FailOptions, fail, html } from 'model-router/testing';
import { messages } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { describeParity } from '../../helpers/parity-suite.js';

const json = { 'content-type': 'application/json' };
const everyField: FailOptions = {
  code: 'some_code',
  type: 'some_type',
  param: 'messages[1].content',
  message: 'Something is wrong with the second message.',
  headers: { 'x-request-id': 'req_of_the_server', 'x-ratelimit-remaining-tokens': '0', 'set-cookie': 'a=1' },
};

const statuses: ParityCase[] = [400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 502, 503, 504, 529].map(
  (status) => ({
    name: `${status}`,
    models: { failing: fail(status, everyField) },
    run: (client, { m }) => client.chat.completions.create({ model: m('failing'), messages }),
  }),
);

const codes: ParityCase[] = [
  { status: 400, code: 'context_length_exceeded' },
  { status: 400, code: 'content_filter' },
  { status: 404, code: 'model_not_found' },
  { status: 429, code: 'insufficient_quota' },
  { status: 429, code: 'rate_limit_exceeded' },
].map(({ status, code }) => ({
  name: `${status} ${code}`,
  models: { failing: fail(status, { code }) },
  run: (client, { m }) => client.chat.completions.create({ model: m('failing'), messages }),
}));

const bodies: ParityCase[] = [
  { name: 'a text', behaviour: fail(500, { body: 'upstream connect error' }) },
  { name: 'an empty text', behaviour: fail(502, { body: '' }) },
  { name: 'a web page', behaviour: html({ status: 503 }) },
  { name: 'JSON without `error`', behaviour: fail(400, { body: { detail: 'wrong', code: 7 } }) },
  { name: 'JSON whose `error` is a text', behaviour: fail(400, { body: { error: 'wrong' } }) },
  { name: 'JSON whose `error` is null', behaviour: fail(400, { body: { error: null, message: 'wrong' } }) },
  { name: 'JSON whose message is an object', behaviour: fail(422, { body: { error: { message: { a: [1] } } } }) },
  { name: 'JSON that is a list', behaviour: fail(422, { body: [{ msg: 'wrong' }] }) },
  { name: 'broken JSON', behaviour: bytes({ status: 500, chunks: ['{"error": {"mess'], headers: json }) },
  { name: 'a body that is cut', behaviour: bytes({ status: 500, chunks: ['{"error": {}}'], cutAt: 5, headers: json }) },
].map(({ name, behaviour }) => ({
  name,
  models: { failing: behaviour },
  run: (client, { m }) => client.chat.completions.create({ model: m('failing'), messages }),
}));

const endpoints: ParityCase[] = [
  {
    name: 'of a stream',
    models: { failing: fail(429, everyField) },
    run: (client, { m }) => client.chat.completions.create({ model: m('failing'), messages, stream: true }),
  },
  {
    name: 'of responses',
    models: { failing: fail(400, everyField) },
    run: (client, { m }) => client.responses.create({ model: m('failing'), input: 'Hi' }),
  },
  {
    name: 'of embeddings',
    models: { failing: fail(500, everyField) },
    run: (client, { m }) => client.embeddings.create({ model: m('failing'), input: 'Hi' }),
  },
  {
    name: 'of bytes',
    models: { failing: fail(400, everyField) },
    run: (client, { m }) => client.audio.speech.create({ model: m('failing'), input: 'Hi', voice: 'alloy' }),
  },
  {
    name: 'of an unrouted call',
    fake: { withoutModel: fail(403, everyField) },
    run: (client) => client.files.retrieve('file-1'),
  },
  {
    name: 'of a list',
    fake: { withoutModel: fail(503, everyField) },
    run: (client) => client.files.list(),
  },
  {
    name: 'of a key that is wrong',
    client: { apiKey: 'sk-wrong-0123456789' },
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages }),
  },
  {
    name: 'of a required field that is missing',
    run: (client, { m }) => client.post('/chat/completions', { body: { model: m('chat') } }),
  },
];

const retries: ParityCase[] = [
  {
    name: 'a 503 and then an answer, with maxRetries: 2',
    client: { maxRetries: 2 },
    models: { shaky: [fail(503, { headers: { 'retry-after-ms': '1' } }), { type: 'answer' }] },
    run: (client, { m }) => client.chat.completions.create({ model: m('shaky'), messages }),
  },
  {
    name: 'a 503 each time, with maxRetries: 2',
    client: { maxRetries: 2 },
    models: { shaky: fail(503, { headers: { 'retry-after-ms': '1' } }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('shaky'), messages }),
  },
  {
    name: "a 503 each time, with a call's maxRetries: 1",
    models: { shaky: fail(503, { headers: { 'retry-after-ms': '1' } }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('shaky'), messages }, { maxRetries: 1 }),
  },
  {
    name: 'a 400 with maxRetries: 2',
    client: { maxRetries: 2 },
    models: { failing: fail(400) },
    run: (client, { m }) => client.chat.completions.create({ model: m('failing'), messages }),
  },
  {
    name: 'a 503 that forbids to retry, with maxRetries: 2',
    client: { maxRetries: 2 },
    models: { failing: fail(503, { headers: { 'x-should-retry': 'false' } }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('failing'), messages }),
  },
  {
    name: 'an unrouted 503 and then an answer, with maxRetries: 2',
    client: { maxRetries: 2 },
    fake: { withoutModel: [fail(503, { headers: { 'retry-after-ms': '1' } }), { type: 'answer' }] },
    run: (client) => client.models.list(),
  },
];

describeParity('errors by status', statuses);
describeParity('errors by code', codes);
describeParity('errors by body', bodies);
describeParity('errors', endpoints);
describeParity('retries', retries);
