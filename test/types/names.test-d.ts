// Names in the constructor's options: the compiler knows those of clients, deployments and routes.
import { callOptions, ModelRouter, type RouterOptions, type RouterSettings } from 'model-router';
import { OpenAI } from 'openai';
import { expectTrue, type Same } from './same.js';

const clients = { default: { apiKey: 'sk' }, other: { apiKey: 'sk' } };
const small = { small: {}, large: { client: 'other' } } as const;

const router = new ModelRouter({
  clients,
  deployments: { small: { client: 'other' }, large: { price: { input: 1, output: 2 } } },
  routes: {
    standard: ['small', 'large'],
    premium: {
      deployments: ['large'],
      deadlineMs: 1000,
      strategy: { by: 'weighted', weights: { large: 1, small: 0 } },
      shadow: { deployment: 'small', share: 0.1 },
    },
    own: {
      deployments: ['small'],
      strategy: { name: 'own', order: ({ deployments }) => deployments.map(({ id }) => id) },
    },
    fast: { deployments: ['small', 'large'], strategy: { by: 'lowest-latency', band: 0.2 } },
  },
  fallbacks: ['small'],
  prefixes: { 'Pro/': 'other', 'Max/': { client: 'default', premium: true } },
  priorities: { batch: 'standard' },
  budgets: [{ usd: 1, window: 'day', route: 'premium' }],
  deadlineMs: 1000,
});

// @ts-expect-error a route names a deployment that does not exist
new ModelRouter({ clients, deployments: { small: {} }, routes: { standard: ['smal'] } });
// @ts-expect-error the same beside one that exists
new ModelRouter({ clients, deployments: { small: {} }, routes: { standard: ['small', 'large'] } });
// @ts-expect-error a route with options names one
new ModelRouter({ clients, deployments: { small: {} }, routes: { standard: { deployments: ['large'] } } });
// @ts-expect-error of two routes, one does
new ModelRouter({ clients, deployments: { small: {} }, routes: { a: ['small'], b: { deployments: ['large'] } } });
// @ts-expect-error a deployment names a client that does not exist
new ModelRouter({ clients, deployments: { small: { client: 'third' } } });
// @ts-expect-error a fallback that does not exist
new ModelRouter({ clients, deployments: { small: {} }, fallbacks: ['large'] });
// @ts-expect-error a prefix that leads to no client
new ModelRouter({ clients, prefixes: { 'Pro/': 'pro' } });
// @ts-expect-error the same with headers
new ModelRouter({ clients, prefixes: { 'Pro/': { client: 'pro', headers: { a: 'b' } } } });
// @ts-expect-error a priority without a route
new ModelRouter({ clients, deployments: small, routes: { standard: ['small'] }, priorities: { batch: 'batch' } });
const routes = { a: ['small'] } as const;
// @ts-expect-error a budget of no route
new ModelRouter({ clients, deployments: small, routes, budgets: [{ usd: 1, window: 'day', route: 'b' }] });
const shadow = { deployment: 'x' } as const;
// @ts-expect-error shadow traffic to nowhere
new ModelRouter({ clients, deployments: small, routes: { a: { deployments: ['small'], shadow } } });
const weights = { by: 'weighted', weights: { x: 1 } } as const;
// @ts-expect-error a weight of no deployment
new ModelRouter({ clients, deployments: small, routes: { a: { deployments: ['small'], strategy: weights } } });
// @ts-expect-error of a single client, too
new ModelRouter({ apiKey: 'sk', deployments: { small: {} }, routes: { standard: ['large'] } });
// @ts-expect-error which is called default
new ModelRouter({ apiKey: 'sk', deployments: { small: { client: 'other' } } });
new ModelRouter({ apiKey: 'sk', deployments: { small: { client: 'default' } }, routes: { standard: ['small'] } });
// Clients that were built already have names, too.
new ModelRouter({ clients: { mine: new OpenAI({ apiKey: 'sk' }) }, deployments: { small: { client: 'mine' } } });
// @ts-expect-error not this one
new ModelRouter({ clients: { mine: new OpenAI({ apiKey: 'sk' }) }, deployments: { small: { client: 'yours' } } });

// Names that are only known at run time are checked then.
declare const named: string;
declare const several: string[];
new ModelRouter({ clients, deployments: { small: { client: named } }, routes: { standard: several } });
new ModelRouter({ clients, deployments: { [named]: {}, small: {} }, routes: { standard: ['small', named] } });
new ModelRouter({ clients, deployments: Object.fromEntries(several.map((id) => [id, {}])), routes: { all: several } });
const plain = {
  clients,
  deployments: { small: { client: 'other' }, large: {} },
  routes: { standard: ['small'], premium: { deployments: ['large'], strategy: 'weighted' as const } },
  fallbacks: ['small'],
  priorities: { batch: 'standard' },
};
new ModelRouter(plain);
new ModelRouter({ ...plain, deadlineMs: 1000 });
declare const options: RouterOptions;
declare const settings: RouterSettings;
new ModelRouter(options);
new ModelRouter({ ...options, routes: { standard: ['small'] } });
new ModelRouter({ clients, ...settings });
declare const isPro: boolean;
new ModelRouter({
  clients: { default: { apiKey: 'sk' }, ...(isPro && { pro: { apiKey: 'sk' } }) },
  deployments: { small: {}, ...(isPro && { large: { client: 'pro' } }) },
  routes: { standard: ['small', ...(isPro ? (['large'] as const) : [])], ...(isPro && { premium: ['large'] }) },
});
new ModelRouter({ clients, deployments: { small: {} }, routes: { standard: ['small'] } } satisfies RouterOptions);

// Inferred type parameters do not hinder assignments.
const client: OpenAI = router;
const same: ModelRouter = router;
const view: ModelRouter = router.withOptions({ priority: 'premium' });
declare function use(router: ModelRouter): void;
for (const each of [router, same, view, new ModelRouter(options)]) use(each);
const later: ModelRouter = new ModelRouter({ clients, deployments: { small: {} }, routes: { standard: ['small'] } });
use(later);
void client.chat.completions.create({ model: 'anything', messages: [] }, callOptions({ route: 'premium' }));
expectTrue<Same<ModelRouter['chat'], OpenAI['chat']>>();
expectTrue<typeof router extends ModelRouter ? true : false>();
expectTrue<ModelRouter extends OpenAI ? true : false>();
class OurRouter extends ModelRouter {
  constructor() {
    super({ clients, deployments: { small: {} }, routes: { standard: ['small'] } });
  }
}
use(new OurRouter());
const isRouter = (value: object) => (value instanceof ModelRouter ? value.snapshot() : undefined);
isRouter(router);
