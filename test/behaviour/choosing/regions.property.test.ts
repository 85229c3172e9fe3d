import { callOptions, ModelRouter, type RouteOptions } from 'model-router';
import { answer, type Behaviour, fail } from 'model-router/testing';
import { expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';
import { fakeClients } from '../../helpers/routers.js';

useFakeTime();

const IDS = ['a', 'b', 'c', 'd'];
const CLIENTS = ['default', 'one', 'two'] as const;
const region = fc.constantFrom<(string | readonly string[] | undefined)[]>(
  undefined,
  'eu',
  'eu',
  'us',
  ['eu', 'us'],
  ['eu', 'uk'],
);
const behaviour = fc.constantFrom<Behaviour[]>(
  answer({ latencyMs: 50, logprob: -2 }),
  answer({ latencyMs: 500, logprob: -0.01 }),
  fail(503, { latencyMs: 10 }),
  fail(401, { latencyMs: 10 }),
  fail(429, { latencyMs: 10, headers: { 'retry-after': '1' } }),
);
const strategy = fc.constantFrom<RouteOptions['strategy'][]>(
  'priority',
  'weighted',
  'lowest-latency',
  'lowest-cost',
  'least-busy',
  { name: 'own', order: ({ deployments }) => deployments.map(({ id }) => id).reverse() },
  { name: 'careless', order: () => [...IDS] },
);

const given = fc.record({
  deployments: fc.array(fc.record({ region, client: fc.constantFrom(...CLIENTS) }), { minLength: 4, maxLength: 4 }),
  behaviours: fc.array(behaviour, { minLength: 4, maxLength: 4 }),
  strategy,
  shadow: fc.constantFrom(...IDS),
  allowed: fc.constantFrom<string[][]>(['eu'], ['eu', 'us'], ['eu', 'uk'], ['mars']),
  kinds: fc.array(
    fc.constantFrom('chat', 'stream', 'responses', 'embeddings', 'deployment', 'unlisted', 'batch', 'assistant'),
    { minLength: 3, maxLength: 8 },
  ),
});

it('no request leaves the allowed regions', async () => {
  let sent = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(given, async ({ deployments, behaviours, strategy, shadow, allowed, kinds }) => {
      vi.clearAllTimers();
      const { fake, clients } = fakeClients([...CLIENTS], {
        models: Object.fromEntries(IDS.map((id, i) => [id, behaviours[i] ?? answer()])),
        unknownModels: 'answer',
      });
      const router = new ModelRouter({
        clients,
        deployments: Object.fromEntries(
          IDS.map((id, i) => [
            id,
            {
              client: deployments[i]?.client ?? 'default',
              ...(deployments[i]?.region !== undefined && { region: deployments[i].region }),
              embeddingSpace: 'one',
            },
          ]),
        ),
        routes: {
          chat: {
            deployments: IDS,
            ...(strategy !== undefined && { strategy }),
            escalate: { when: () => true, maxShare: 1 },
            shadow: { deployment: shadow, share: 1 },
            hedgeAfterMs: 100,
          },
        },
        fallbacks: IDS,
        deadlineMs: 3000,
        logLevel: 'off',
        random: () => 0,
      } as ConstructorParameters<typeof ModelRouter>[0]);
      const options = callOptions({ regions: allowed });
      const view = router.withOptions({ regions: allowed });
      const messages = [{ role: 'user' as const, content: 'Hi' }];
      for (const kind of kinds) {
        const call = async (): Promise<unknown> => {
          if (kind === 'responses') return router.responses.create({ model: 'chat', input: 'Hi' }, options);
          if (kind === 'embeddings') return router.embeddings.create({ model: 'chat', input: 'Hi' }, options);
          if (kind === 'assistant') return view.post('/assistants', { body: { model: 'other', name: 'Hi' } });
          if (kind === 'batch')
            return view.batches.create({
              input_file_id: 'file-1',
              endpoint: '/v1/responses',
              completion_window: '24h',
            });
          if (kind !== 'stream') {
            const model = kind === 'chat' ? 'chat' : kind === 'deployment' ? 'a' : 'unlisted-model';
            return router.chat.completions.create({ model, messages }, options);
          }
          for await (const _ of await router.chat.completions.create(
            { model: 'chat', messages, stream: true },
            options,
          ));
          return undefined;
        };
        const { state } = await settled(call());
        if (state === 'rejected') refused += 1;
        await pass(1000);
      }
      const isWithin = (regions: string | readonly string[] | undefined) =>
        regions !== undefined && [regions].flat().every((each) => allowed.includes(each));
      for (const { model, apiKeyOf } of fake.requests) {
        sent += 1;
        const at = IDS.indexOf(model ?? '');
        const places = at === -1 ? deployments.filter(({ client }) => client === apiKeyOf) : [deployments[at]];
        // A request that is not routed goes to a client whose deployments all lie within the regions.
        expect(places.length).toBeGreaterThan(0);
        expect(places.every((each) => isWithin(each?.region))).toBe(true);
        if (at !== -1) expect(apiKeyOf).toBe(deployments[at]?.client);
      }
      await settled(router.close());
    }),
    { numRuns: 200 },
  );
  expect(Math.min(sent, refused)).toBeGreaterThan(200);
}, 120_000);
