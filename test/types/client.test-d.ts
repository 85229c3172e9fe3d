// A router is an OpenAI client to the compiler: these lines compile, or do not, with the SDK's own types.

import type { CallRecord } from 'model-router';
import { callOptions, callRecord, ModelRouter } from 'model-router';
import { type APIPromise, type AzureOpenAI, OpenAI } from 'openai';
import type { Stream } from 'openai/streaming';
import { expectTrue, type Same } from './same.js';

declare const router: ModelRouter;
declare const azure: AzureOpenAI;
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hi' }];
const model = 'standard';

// It can be passed wherever a client is expected.
const client: OpenAI = router;
const list = (openai: OpenAI) => openai.models.list();
list(router);
list(router.withOptions({ priority: 'premium' }));
class Service {
  constructor(readonly openai: OpenAI) {}
}
new Service(new ModelRouter({ apiKey: 'sk' }));
expectTrue<ModelRouter extends OpenAI ? true : false>();

// Every resource has the type that it has on a client.
expectTrue<Same<ModelRouter['chat'], OpenAI['chat']>>();
expectTrue<Same<ModelRouter['responses'], OpenAI['responses']>>();
expectTrue<Same<ModelRouter['embeddings'], OpenAI['embeddings']>>();
expectTrue<Same<ModelRouter['post'], OpenAI['post']>>();
expectTrue<Same<Exclude<keyof OpenAI, keyof ModelRouter>, never>>();
expectTrue<
  Same<
    Exclude<keyof ModelRouter, keyof OpenAI | symbol>,
    | 'abReport'
    | 'asFetch'
    | 'check'
    | 'close'
    | 'explain'
    | 'exportState'
    | 'feedback'
    | 'importState'
    | 'on'
    | 'routeRequest'
    | 'slaReport'
    | 'snapshot'
    | 'spendCsv'
    | 'spendCsvChunks'
    | 'toJSON'
    | 'update'
  >
>();

// `create` returns what it returned, by each of its overloads.
const whole = router.chat.completions.create({ model, messages });
expectTrue<Same<typeof whole, APIPromise<OpenAI.ChatCompletion>>>();
const stream = router.chat.completions.create({ model, messages, stream: true });
expectTrue<Same<typeof stream, APIPromise<Stream<OpenAI.ChatCompletionChunk>>>>();
declare const perhaps: boolean;
const either = router.chat.completions.create({ model, messages, stream: perhaps });
expectTrue<Same<typeof either, APIPromise<Stream<OpenAI.ChatCompletionChunk> | OpenAI.ChatCompletion>>>();
const response = router.responses.create({ model, input: 'Hi' });
expectTrue<Same<typeof response, APIPromise<OpenAI.Responses.Response>>>();
const events = router.responses.create({ model, input: 'Hi', stream: true });
expectTrue<Same<typeof events, APIPromise<Stream<OpenAI.Responses.ResponseStreamEvent>>>>();
const vectors = router.embeddings.create({ model, input: 'a' });
expectTrue<Same<typeof vectors, APIPromise<OpenAI.CreateEmbeddingResponse>>>();
const short = router.routeRequest('Hi', { priority: 'premium', signal: new AbortController().signal });
expectTrue<Same<typeof short, APIPromise<OpenAI.ChatCompletion>>>();

// A view is a router, of the same class.
const view = router.withOptions({ timeout: 1000 });
expectTrue<Same<typeof view, ModelRouter>>();
class OurRouter extends ModelRouter {
  readonly team = 'red';
}
declare const ours: OurRouter;
expectTrue<Same<ReturnType<OurRouter['withOptions']>, OurRouter>>();
ours.withOptions({ priority: 'premium' }).team.toUpperCase();

// `asFetch` returns a fetch.
const routed: typeof fetch = router.asFetch();
new OpenAI({ apiKey: 'unused', fetch: router.asFetch({ baseURL: 'https://gateway.test/v1' }) });

// The router's options of a call are the SDK's options of a request, and can be spread among them.
const options: OpenAI.RequestOptions = callOptions({ priority: 'premium', deadlineMs: 1000 });
router.chat.completions.create({ model, messages }, callOptions({ route: 'premium' }));
router.chat.completions.create(
  { model, messages },
  { ...callOptions({ regions: ['eu'], maxAttempts: 1 }), signal: new AbortController().signal, headers: { a: 'b' } },
);
router.models.list(callOptions({}));
// @ts-expect-error there is no such option
callOptions({ deadline: 1000 });
// @ts-expect-error milliseconds are numbers
callOptions({ deadlineMs: '1000' });
// @ts-expect-error the option is the router's, and not one of the SDK's
router.chat.completions.create({ model, messages }, { deadlineMs: 1000 });
// @ts-expect-error a body without messages
router.chat.completions.create({ model });

// `callRecord` accepts anything, and may return undefined.
const record = callRecord(whole);
expectTrue<Same<typeof record, CallRecord | undefined>>();
// @ts-expect-error it may be missing
record.deployment.trim();
expectTrue<Same<CallRecord['costUsd'], number | null>>();

// Clients, or the options to build them.
new ModelRouter();
new ModelRouter({ apiKey: async () => 'sk', maxRetries: 1, defaultHeaders: { a: 'b' }, slowMs: 100 });
new ModelRouter({ clients: { default: client, azure, built: { apiKey: 'sk', baseURL: 'https://x.test/v1' } } });

export { either, events, options, response, routed, short, stream, vectors, view };
