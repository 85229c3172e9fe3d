import type OpenAI from 'openai';
import { toFile } from 'openai';

const messages = [{ role: 'user' as const, content: 'What is the weather?' }];
const schema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'number' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
};
const weather = { name: 'weather', description: 'The weather', parameters: schema };
const sound = () => toFile(Buffer.from('sound'), 'sound.wav', { type: 'audio/wav' });
const picture = () => toFile(Buffer.from('picture'), 'picture.png', { type: 'image/png' });

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/**
 * Every kind of call that the fake answers, in an order in which each finds its objects. `chat` and `tools` are its
 * models.
 */
export async function everyCall(client: OpenAI): Promise<Map<string, unknown>> {
  const results = new Map<string, unknown>();
  const call = async <Result>(name: string, make: () => PromiseLike<Result>): Promise<Result> => {
    const result = await make();
    results.set(name, result instanceof Response ? await result.text() : result);
    return result;
  };
  const model = 'chat';

  await call('chat', () => client.chat.completions.create({ model, messages }));
  await call('chat, n', () => client.chat.completions.create({ model, messages, n: 3 }));
  await call('chat, logprobs', () => client.chat.completions.create({ model, messages, logprobs: true }));
  await call('chat, JSON', () =>
    client.chat.completions.create({ model, messages, response_format: { type: 'json_object' } }),
  );
  await call('chat, required tool', () =>
    client.chat.completions.create({
      model,
      messages,
      tools: [{ type: 'function', function: weather }],
      tool_choice: 'required',
    }),
  );
  await call('chat, stream', async () => all(await client.chat.completions.create({ model, messages, stream: true })));
  await call('chat, stream with usage', async () =>
    all(
      await client.chat.completions.create({
        model,
        messages,
        n: 2,
        stream: true,
        stream_options: { include_usage: true },
      }),
    ),
  );
  await call('chat.stream', () => client.chat.completions.stream({ model, messages }).finalChatCompletion());
  await call('chat.stream, tool', () => client.chat.completions.stream({ model: 'tools', messages }).finalMessage());
  await call('chat.parse', () =>
    client.chat.completions.parse({
      model,
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'weather', schema, strict: true } },
    }),
  );
  await call('chat.runTools', () =>
    client.chat.completions
      .runTools({
        model: 'tools',
        messages,
        tools: [{ type: 'function', function: { ...weather, parse: JSON.parse, function: () => 'sunny' } }],
      })
      .finalContent(),
  );
  await call(
    'chat.withResponse',
    async () => (await client.chat.completions.create({ model, messages }).withResponse()).request_id,
  );
  const stored = await call('chat, stored', () =>
    client.chat.completions.create({ model, messages, store: true, metadata: { a: '1' } }),
  );
  await call('chat.retrieve', () => client.chat.completions.retrieve(stored.id));
  await call('chat.update', () => client.chat.completions.update(stored.id, { metadata: { a: '2' } }));
  await call('chat.list', () => all(client.chat.completions.list()));
  await call('chat.messages', () => all(client.chat.completions.messages.list(stored.id)));
  await call('chat.delete', () => client.chat.completions.delete(stored.id));

  await call('completions', () => client.completions.create({ model, prompt: 'Once', echo: true, logprobs: 1 }));
  await call('completions, many', () => client.completions.create({ model, prompt: ['Once', 'upon'], n: 2 }));
  await call('completions, stream', async () =>
    all(await client.completions.create({ model, prompt: 'Once', stream: true })),
  );

  const response = await call('responses', () => client.responses.create({ model, input: 'Hello' }));
  await call('responses, stream', async () =>
    all(await client.responses.create({ model, input: 'Hello', stream: true })),
  );
  await call('responses.stream', () => client.responses.stream({ model, input: 'Hello' }).finalResponse());
  await call('responses.stream, tool', () =>
    client.responses.stream({ model: 'tools', input: 'Hello' }).finalResponse(),
  );
  await call('responses.parse', () =>
    client.responses.parse({
      model,
      input: 'Hello',
      text: { format: { type: 'json_schema', name: 'weather', schema } },
    }),
  );
  await call('responses, next', () =>
    client.responses.create({ model, input: 'And?', previous_response_id: response.id }),
  );
  await call('responses.retrieve', () => client.responses.retrieve(response.id));
  await call('responses.retrieve, stream', async () =>
    all(await client.responses.retrieve(response.id, { stream: true })),
  );
  await call('responses.inputItems', () => all(client.responses.inputItems.list(response.id)));
  await call('responses.inputTokens', () => client.responses.inputTokens.count({ model, input: 'Hello' }));
  const background = await call('responses, background', () =>
    client.responses.create({ model, input: 'Hi', background: true }),
  );
  await call('responses.cancel', () => client.responses.cancel(background.id));
  await call('responses.delete', () => client.responses.delete(response.id));

  const conversation = await call('conversations', () => client.conversations.create({ metadata: { a: '1' } }));
  await call('conversations.items.create', () =>
    client.conversations.items.create(conversation.id, { items: [{ role: 'user', content: 'Hi', type: 'message' }] }),
  );
  await call('responses, conversation', () =>
    client.responses.create({ model, input: 'Hi', conversation: conversation.id }),
  );
  const items = await call('conversations.items.list', () => all(client.conversations.items.list(conversation.id)));
  const [{ id: item }] = items as [{ id: string }];
  await call('conversations.items.retrieve', () =>
    client.conversations.items.retrieve(item, { conversation_id: conversation.id }),
  );
  await call('conversations.items.delete', () =>
    client.conversations.items.delete(item, { conversation_id: conversation.id }),
  );
  await call('conversations.update', () => client.conversations.update(conversation.id, { metadata: { a: '2' } }));
  await call('conversations.retrieve', () => client.conversations.retrieve(conversation.id));
  await call('conversations.delete', () => client.conversations.delete(conversation.id));

  await call('embeddings', () => client.embeddings.create({ model, input: 'Hello' }));
  await call('embeddings, float', () =>
    client.embeddings.create({ model, input: ['a', 'b'], encoding_format: 'float' }),
  );
  await call('embeddings, dimensions', () => client.embeddings.create({ model, input: 'a', dimensions: 3 }));
  await call('moderations', () => client.moderations.create({ input: ['a', 'b'] }));
  await call('images.generate', () => client.images.generate({ model, prompt: 'A cat', n: 2, response_format: 'url' }));
  await call('images.generate, stream', async () =>
    all(await client.images.generate({ model, prompt: 'A cat', stream: true, partial_images: 2 })),
  );
  await call('images.edit', async () => client.images.edit({ model, prompt: 'A hat', image: await picture() }));
  await call('images.createVariation', async () => client.images.createVariation({ model, image: await picture() }));

  await call('audio.speech', () => client.audio.speech.create({ model, input: 'Hello', voice: 'alloy' }));
  await call('audio.transcriptions', async () => client.audio.transcriptions.create({ model, file: await sound() }));
  await call('audio.transcriptions, text', async () =>
    client.audio.transcriptions.create({ model, file: await sound(), response_format: 'text' }),
  );
  await call('audio.transcriptions, verbose', async () =>
    client.audio.transcriptions.create({
      model,
      file: await sound(),
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    }),
  );
  await call('audio.transcriptions, stream', async () =>
    all(await client.audio.transcriptions.create({ model, file: await sound(), stream: true })),
  );
  await call('audio.translations', async () => client.audio.translations.create({ model, file: await sound() }));

  await call('models', () => all(client.models.list()));
  await call('models.retrieve', () => client.models.retrieve('org/with slash'));
  await call('models.delete', () => client.models.delete('org/with slash'));

  const file = await call('files.create', async () =>
    client.files.create({ file: await sound(), purpose: 'assistants' }),
  );
  await call('files.create, second', async () => client.files.create({ file: await picture(), purpose: 'batch' }));
  await call('files.list', () => all(client.files.list({ limit: 1 })));
  await call('files.list, purpose', () => all(client.files.list({ purpose: 'batch' })));
  await call('files.retrieve', () => client.files.retrieve(file.id));
  await call('files.content', () => client.files.content(file.id));
  await call('files.delete', () => client.files.delete(file.id));

  const batch = await call('batches.create', () =>
    client.batches.create({ input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' }),
  );
  await call('batches.list', () => all(client.batches.list()));
  await call('batches.retrieve', () => client.batches.retrieve(batch.id));
  await call('batches.cancel', () => client.batches.cancel(batch.id));
  const job = await call('fineTuning.create', () => client.fineTuning.jobs.create({ model, training_file: file.id }));
  await call('fineTuning.list', () => all(client.fineTuning.jobs.list()));
  await call('fineTuning.retrieve', () => client.fineTuning.jobs.retrieve(job.id));
  await call('fineTuning.events', () => all(client.fineTuning.jobs.listEvents(job.id)));
  await call('fineTuning.cancel', () => client.fineTuning.jobs.cancel(job.id));
  const shelf = await call('vectorStores.create', () => client.vectorStores.create({ name: 'shelf' }));
  await call('vectorStores.list', () => all(client.vectorStores.list()));
  await call('vectorStores.update', () => client.vectorStores.update(shelf.id, { name: 'new' }));
  await call('vectorStores.retrieve', () => client.vectorStores.retrieve(shelf.id));
  await call('vectorStores.delete', () => client.vectorStores.delete(shelf.id));
  await call('client.post', () => client.post('/chat/completions', { body: { model, messages } }));
  return results;
}
