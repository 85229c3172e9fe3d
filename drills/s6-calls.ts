import type { SingleCallOptions } from 'model-router';
import type { OpenAI } from 'openai';

export type Choose = <T>(values: readonly T[]) => T;

/** One call, with everything that distinguishes it from others. */
export interface RandomCall {
  readonly body: Readonly<Record<string, unknown>>;
  readonly options: SingleCallOptions;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly stream: boolean;
  /** Whether its keys are written in the opposite order. */
  readonly turned: boolean;
}

const TEXTS = ['What is your refund policy?', 'Refunds?', '', '","tenant":"b', '__proto__', '退款'] as const;
const IMAGES = ['data:image/png;base64,AAAA', 'data:image/png;base64,AAAB'] as const;
const SCOPES = [undefined, 'a', 'b', 'constructor', '__proto__', 'a b'] as const;

/** Possible parameters beside the messages: each may be present or not, with one of a few values. */
const PARAMETERS: Readonly<Record<string, readonly unknown[]>> = {
  temperature: [0, 1, null],
  seed: [0, 7],
  top_p: [0.1, 1],
  max_completion_tokens: [5, 50],
  stop: ['a', ['a'], ['a', 'b']],
  tools: ['f', 'g'].map((name) => [{ type: 'function', function: { name, parameters: { type: 'object' } } }]),
  response_format: [{ a: 1 }, { a: 2 }, { a: '1' }].map((schema) => ({
    type: 'json_schema',
    json_schema: { name: 's', schema },
  })),
  not_known_yet: ['1', 1, true, [1]],
  toJSON: ['a', 'b'],
  constructor: ['a', 'b'],
  __proto_: ['a', 'b'],
};
const NAMES = Object.keys(PARAMETERS);

export function drawCall(choose: Choose, random: () => number): RandomCall {
  let call: RandomCall = {
    body: { model: choose(['standard', 'other', 'm']), messages: [{ role: 'user', content: choose(TEXTS) }] },
    options: {},
    headers: {},
    query: {},
    stream: random() < 0.3,
    turned: false,
  };
  for (let i = Math.floor(random() * 4); i > 0; i--) call = withOneChange(call, choose);
  return call;
}

/** The same call, or one that differs in one thing. */
export function changed(call: RandomCall, choose: Choose): RandomCall {
  const how = choose(['same', 'turned', 'stream', 'other', 'other'] as const);
  if (how === 'turned') return { ...call, turned: !call.turned };
  if (how === 'stream') return { ...call, stream: !call.stream };
  return how === 'same' ? call : withOneChange(call, choose);
}

function withOneChange(call: RandomCall, choose: Choose): RandomCall {
  const { body, options, headers, query } = call;
  switch (
    choose(['parameter', 'parameter', 'text', 'image', 'tenant', 'tenant', 'header', 'query', 'priority', 'model'])
  ) {
    case 'text':
      return { ...call, body: { ...body, messages: [{ role: 'user', content: choose(TEXTS) }] } };
    case 'image': {
      const parts = [
        { type: 'text', text: 'What is it?' },
        { type: 'image_url', image_url: { url: choose(IMAGES), detail: choose(['low', 'high']) } },
      ];
      return { ...call, body: { ...body, messages: [{ role: 'user', content: parts }] } };
    }
    case 'tenant': {
      const tenant = choose(SCOPES);
      const { tenant: _, ...rest } = options;
      return { ...call, options: tenant === undefined ? rest : { ...rest, tenant } };
    }
    case 'header':
      return { ...call, headers: { ...headers, [choose(['x-version', 'openai-beta'])]: choose(['1', '2']) } };
    case 'query':
      return { ...call, query: { ...query, [choose(['v', 'w'])]: choose(['1', '2']) } };
    case 'priority':
      return { ...call, options: { ...options, priority: choose(['standard', 'premium']) } };
    case 'model':
      return { ...call, body: { ...body, model: choose(['standard', 'other', 'm', 'n']) } };
    default: {
      const name = choose(NAMES);
      const value = choose(PARAMETERS[name] ?? []);
      // An own property, also under the name of the prototype.
      const key = name === '__proto_' ? '__proto__' : name;
      const copy = { ...body };
      Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
      return { ...call, body: copy };
    }
  }
}

/** Two calls may share an answer exactly if this is the same. Its first word is the tenant. */
export function identityOf({ body, options, headers, query }: RandomCall): string {
  const sorted = (record: Readonly<Record<string, unknown>>) =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const { tenant, priority = 'standard' } = options;
  const rest = JSON.stringify([sorted(body), priority, sorted(headers), sorted(query)]);
  return `${encodeURIComponent(tenant ?? '(none)')} ${encodeURIComponent(rest)}`;
}

export function asBody({ body, turned }: RandomCall): Omit<OpenAI.ChatCompletionCreateParams, 'stream'> {
  const entries = Object.entries(body);
  const written = Object.fromEntries(turned ? entries.reverse() : entries);
  return written as unknown as Omit<OpenAI.ChatCompletionCreateParams, 'stream'>;
}

/** Tracing headers are not part of a key: here they identify the caller to the upstream. */
export function asOptions({ headers, query }: RandomCall, identity: string): OpenAI.RequestOptions {
  return { headers: { ...headers, traceparent: identity }, query };
}
