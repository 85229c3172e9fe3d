import type { ShadowOptions } from './check-judge.js';
import type { StrategyName, StrategyOptions } from './check-strategy.js';
import type {
  BudgetOptions,
  ClientSpec,
  DeploymentOptions,
  PrefixOptions,
  RouteOptions,
  RouterOptions,
  SingleClientOptions,
} from './options.js';
import type { Strategy } from './strategy.js';

/**
 * A name that must exist. `Used` is inferred from all names in the options. If one of them is only known as `string`,
 * the compiler leaves all names to the check at construction, so that options may come from variables and files.
 */
type Name<Known extends string, Used extends string> =
  | NoInfer<Known>
  | (Used & (string extends Used ? unknown : never));

/** By name. Optional, because options are often spread in conditionally. */
type ByName<Names extends string, Value> = { readonly [Each in Names]?: Value };

type NamedDeployment<Client extends string, Used extends string> = Omit<DeploymentOptions, 'client'> & {
  /** A name in `clients`. @default the default client */
  client?: Name<Client, Used> | undefined;
};

type NamedStrategy<Deployment extends string, Used extends string> =
  | StrategyName
  | Exclude<StrategyOptions, { by: 'weighted' }>
  | (Omit<Extract<StrategyOptions, { by: 'weighted' }>, 'weights'> & {
      /** Weights by deployment; a missing one is 0. @default each deployment's `weight`, else 1 */
      weights?: ByName<Name<Deployment, Used>, number> | undefined;
    })
  | Strategy;

type NamedRoute<Deployment extends string, Used extends string> = Omit<
  RouteOptions,
  'deployments' | 'strategy' | 'shadow'
> & {
  /** Names of deployments, in failover order. */
  deployments: readonly Name<Deployment, Used>[];
  /** How the deployments are ordered; the result is also the failover order. @default 'priority', the listed order */
  strategy?: NamedStrategy<Deployment, Used> | undefined;
  /** Sends a share of the calls to another deployment too, for comparison. @default none */
  shadow?:
    | (Omit<ShadowOptions, 'deployment'> & {
        /** A deployment's name. */
        deployment: Name<Deployment, Used>;
      })
    | undefined;
};

interface Named<Client extends string, Deployment extends string, Route extends string, Used extends string> {
  /** The places that can answer, by name. @default none: every model is passed on under its name */
  deployments?: ByName<Deployment, NamedDeployment<Client, Used>> | undefined;
  /** Names that callers use as `model`, and the deployments that serve each, in order. @default none */
  routes?: ByName<Route, readonly Name<Deployment, Used>[] | NamedRoute<Deployment, Used>> | undefined;
  /** Where to fail over from a deployment that the call names itself, or from an unlisted model. @default [] */
  fallbacks?: readonly Name<Deployment, Used>[] | undefined;
  /** Prefixes of unlisted models, and the client of each. @default { 'Pro/': { client: 'pro', premium: true, headers: { 'X-Capacity-Guarantee': 'dedicated' } } } if a client `pro` exists */
  prefixes?:
    | Record<string, Name<Client, Used> | (Omit<PrefixOptions, 'client'> & { client: Name<Client, Used> })>
    | undefined;
  /** The route of each priority, for `model: 'auto'`. @default { standard: 'standard', premium: 'premium' } */
  priorities?: Record<string, Name<Route, Used>> | undefined;
  /** Spend limits. A call that could cost more than is left is refused before anything is sent. @default none */
  budgets?: readonly (BudgetOptions & { route?: Name<Route, Used> | undefined })[] | undefined;
}

type NamedKey = keyof Named<string, string, string, string>;

/** `RouterOptions` whose names of clients, deployments and routes the compiler checks. */
export type NamedOptions<
  Client extends string,
  Deployment extends string,
  Route extends string,
  Used extends string,
> = Omit<RouterOptions, NamedKey | 'clients'> &
  Named<Client, Deployment, Route, Used> & {
    /** The accounts, by name: `OpenAI` or `AzureOpenAI` clients, or the options to build one. `default`, else the first, gets all requests that are not routed. */
    clients: ByName<Client, ClientSpec>;
  };

/** The same for a router of one client. */
export type NamedSingleOptions<Deployment extends string, Route extends string, Used extends string> = Omit<
  SingleClientOptions,
  NamedKey
> &
  Named<'default', Deployment, Route, Used>;
