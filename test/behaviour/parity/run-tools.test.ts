import { fail } from 'model-router/testing';
import { zodFunction } from 'openai/helpers/zod';
import { z } from 'zod';
import { messages } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { chatEvents, eventsOf, streamEvents, toolEvents } from '../../helpers/parity-events.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const City = z.object({ city: z.string() });
const runnable = (weather: (args: { city: string }) => string) => ({
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    parse: (text: string) => City.parse(JSON.parse(text)),
    function: weather,
  },
});
const tools = [runnable(({ city }) => `sunny in ${city}`)];

const cases: ParityCase[] = [
  {
    name: 'runTools: final content, messages, usage and every event',
    run: async (client, { m }) => {
      const runner = client.chat.completions.runTools({ model: m('tools'), messages, tools });
      const events = eventsOf(runner, [...chatEvents, ...toolEvents]);
      return {
        content: await runner.finalContent(),
        completion: await runner.finalChatCompletion(),
        result: await runner.finalFunctionToolCallResult(),
        usage: await runner.totalUsage(),
        messages: runner.messages,
        completions: runner.allChatCompletions(),
        events,
      };
    },
  },
  {
    name: 'runTools with a zod function',
    run: (client, { m }) =>
      client.chat.completions
        .runTools({
          model: m('tools'),
          messages,
          tools: [zodFunction({ name: 'weather', parameters: City, function: ({ city }) => `fog in ${city}` })],
        })
        .finalContent(),
  },
  {
    name: 'runTools streaming: every event',
    run: async (client, { m }) => {
      const runner = client.chat.completions.runTools({ model: m('tools'), messages, tools, stream: true });
      const events = eventsOf(runner, [...streamEvents, ...toolEvents]);
      return {
        content: await runner.finalContent(),
        completion: await runner.finalChatCompletion(),
        messages: runner.messages,
        events,
      };
    },
  },
  {
    name: 'runTools streaming, read as chunks',
    run: (client, { m }) =>
      collect(client.chat.completions.runTools({ model: m('tools'), messages, tools, stream: true })),
  },
  {
    name: 'runTools that runs out of completions',
    run: async (client, { m }) => {
      const runner = client.chat.completions.runTools(
        { model: m('tools'), messages, tools },
        { maxChatCompletions: 1 },
      );
      return [await runner.finalMessage(), runner.messages];
    },
  },
  {
    name: 'runTools whose tool throws',
    run: async (client, { m }) => {
      const broken = [
        runnable(() => {
          throw new Error('no weather today');
        }),
      ];
      const runner = client.chat.completions.runTools({ model: m('tools'), messages, tools: broken });
      return runner.finalContent();
    },
  },
  {
    name: 'runTools that the server refuses at the second step',
    models: { failing: ({ body }) => (JSON.stringify(body).includes('"role":"tool"') ? fail(422) : callTool) },
    run: async (client, { m }) => {
      const runner = client.chat.completions.runTools({ model: m('failing'), messages, tools });
      const events = eventsOf(runner, [...chatEvents, ...toolEvents]);
      const error = await runner.done().catch((thrown: unknown) => thrown);
      return { error, events };
    },
  },
];

const callTool = {
  type: 'answer',
  toolCalls: [{ name: 'weather', arguments: { city: 'Bern' } }],
} as const;

describeParity('chat.completions.runTools', cases);
