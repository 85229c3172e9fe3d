import { LRUCache } from 'lru-cache';
import { InvalidOptionError } from '../errors.js';
import type { Prefix, RouterConfig } from '../options/check-options.js';
import type { CallOptions } from '../options/options.js';
import type { DeploymentState } from '../state/deployment-state.js';
import type { Log } from '../telemetry/log.js';
import type { KnownPrice } from '../telemetry/record-types.js';
import type { Capability, Excluded, Protocol, Target } from '../types.js';
import { show } from '../util/check.js';
import { isWithin } from '../util/is-within.js';
import { NameHints } from '../util/name-hints.js';
import { shown } from '../util/shown.js';
import { someOf } from '../util/some-of.js';
import { smallestWindow } from './fits-window.js';

/** The deployments of a call before any exclusion, and the options of its route. */
export interface Resolution {
  readonly route: string | undefined;
  readonly targets: readonly Target[];
  readonly options: CallOptions;
  /** The smallest context window of all targets. */
  readonly smallestWindow: number;
  /** The model, if it is sent under a name that is not listed. */
  readonly unlisted?: string | undefined;
}

/** Restrictions that exclude deployments for one call. */
export interface Restrictions {
  readonly protocol: Protocol;
  readonly regions: ReadonlySet<string> | undefined;
  readonly needs: ReadonlySet<Capability>;
  /** The call has its own credentials, which only the first deployment may get. */
  readonly pinned: boolean;
  /** The client that created the stored objects in the call; `null` if unknown: then the first deployment's. */
  readonly boundTo: string | null | undefined;
}

/** State and prices for models that are not listed. */
export interface Unlisted {
  /** The state that all unlisted models of a client share. */
  readonly stateOf: (client: string) => DeploymentState;
  readonly priceOf: (deployment: string, model: string) => KnownPrice | undefined;
}

const NO_OPTIONS: CallOptions = {};
/** The number of deployments and unlisted models whose list of targets is cached. */
const MAX_NAMED = 256;
/** Model names come from outside, so longer ones are not cached. */
const MAX_NAME_LENGTH = 256;
const PREMIUM = { 'X-Request-Priority': 'high' };

/** Resolves `model`: a route, a deployment, `auto`, or a model that is passed on under its own name. */
export class Routing {
  readonly #routes = new Map<string, Resolution>();
  readonly #targets: ReadonlyMap<string, Target>;
  /** By deployment or unlisted model. Each entry lists all fallbacks, so their number is limited. */
  readonly #named = new LRUCache<string, Resolution>({ max: MAX_NAMED });
  readonly #fallbacks: readonly Target[];
  readonly #routeNames = new NameHints(() => this.#routes.keys());
  readonly #models = new NameHints(() => this.#names());
  #allNames: ReadonlySet<string> | undefined;

  constructor(
    readonly config: RouterConfig,
    states: ReadonlyMap<string, DeploymentState>,
    readonly unlisted: Unlisted,
  ) {
    const all = new Map<string, Target>();
    for (const [id, state] of states) {
      const { model } = state.deployment;
      all.set(
        id,
        this.#target(state, model, this.#prefixOf(model, state.client.name), config.deployments.get(id)?.headers),
      );
    }
    const named = (ids: readonly string[]) => ids.flatMap((id) => all.get(id) ?? []);
    this.#fallbacks = named(config.fallbacks);
    for (const [name, { deployments, options }] of config.routes) {
      const targets = named(deployments);
      this.#routes.set(name, { route: name, targets, options, smallestWindow: smallestWindow(targets) });
    }
    this.#targets = all;
  }

  /** Throws InvalidOptionError for a route, a priority or a refused model that does not exist. */
  resolve(model: string | undefined, route: string | undefined, priority: string): Resolution {
    if (route !== undefined) return this.#routes.get(route) ?? this.#unknown('route', route);
    if (model === undefined) return this.#unlisted(undefined);
    if (model === 'auto') return this.#auto(priority);
    return this.#routes.get(model) ?? this.#deployment(model) ?? this.#unlisted(model);
  }

  /** The names of routes and deployments, collected at the first wrong name. */
  #names(): ReadonlySet<string> {
    this.#allNames ??= new Set([...this.#routes.keys(), ...this.config.deployments.keys()]);
    return this.#allNames;
  }

  /** The first deployment of a route; `undefined` for any other name, including a deployment's. */
  firstOfRoute(model: string): Target | undefined {
    return this.#targets.has(model) ? undefined : this.#routes.get(model)?.targets[0];
  }

  #deployment(id: string): Resolution | undefined {
    const target = this.#targets.get(id);
    return target && this.#withFallbacks(id, undefined, () => target);
  }

  #withFallbacks(name: string | undefined, unlisted: string | undefined, target: () => Target): Resolution {
    const known = name === undefined ? undefined : this.#named.get(name);
    if (known !== undefined) return known;
    const first = target();
    const targets = [first, ...this.#fallbacks.filter((each) => each !== first)];
    const resolution = {
      route: undefined,
      targets,
      options: NO_OPTIONS,
      smallestWindow: smallestWindow(targets),
      unlisted,
    };
    if (name !== undefined && name.length <= MAX_NAME_LENGTH) this.#named.set(name, resolution);
    return resolution;
  }

  #auto(priority: string): Resolution {
    const route = this.config.priorities.get(priority);
    const found = route === undefined ? undefined : this.#routes.get(route);
    if (found !== undefined) return found;
    throw new InvalidOptionError(
      'model',
      `"auto" needs a route for the priority ${show(priority)}: add a route of that name, or set \`priorities\`.`,
    );
  }

  #unlisted(model: string | undefined): Resolution {
    if (this.config.unlistedModels === 'refuse') return this.#unknown('model', model);
    // No listed deployment has this name: those were returned above.
    return this.#withFallbacks(model, model, () => {
      const prefix = this.#prefixOf(model);
      const state = this.unlisted.stateOf(prefix?.client ?? this.config.defaultClient);
      return this.#target(state, model, prefix, undefined);
    });
  }

  #prefixOf(model: string | undefined, client?: string): Prefix | undefined {
    if (model === undefined) return undefined;
    return this.config.prefixes.find(
      (each) => model.startsWith(each.prefix) && each.client === (client ?? each.client),
    );
  }

  #target(
    state: DeploymentState,
    model: string | undefined,
    prefix: Prefix | undefined,
    own: Readonly<Record<string, string>> | undefined,
  ): Target {
    const headers = { ...prefix?.headers, ...(prefix?.premium && PREMIUM), ...own };
    const hasNone = Object.keys(headers).length === 0;
    const { price, model: listed } = state.deployment;
    const isUnlisted = listed === undefined && model !== undefined;
    return {
      state,
      model,
      headers: hasNone ? undefined : headers,
      premiumHeaders: { ...PREMIUM, ...headers },
      price: isUnlisted ? this.unlisted.priceOf(state.id, model) : price,
    };
  }

  /** Warns once per name about an unlisted model that resembles a listed name. */
  warnOfTypo(unlisted: string, log: Log): void {
    if (!log.warns) return;
    const meant = this.#models.firstTypo(unlisted);
    if (meant === undefined) return;
    const what = this.#routes.has(meant) ? 'route' : 'deployment';
    log.warn(
      `the model ${shown(unlisted)} is not listed, so it is sent on by this name; did you mean the ${what} ${shown(meant)}?`,
    );
  }

  #unknown(option: 'route' | 'model', name: string | undefined): never {
    const hints = option === 'route' ? this.#routeNames : this.#models;
    const near = name === undefined ? [] : hints.nearest(name);
    const hint = near.length > 0 ? `the nearest: ${near.map(show).join(', ')}` : `known are ${someOf(hints.names())}`;
    const what = name === undefined ? 'it is missing, or no string' : `there is no ${option} ${show(name)}`;
    throw new InvalidOptionError(option, `${what}; ${hint}.`);
  }
}

const NONE: readonly Excluded[] = [];

/** Returns the deployments that a call may use, and why the others are excluded. */
export function narrow(
  targets: readonly Target[],
  restrictions: Restrictions,
): { targets: readonly Target[]; excluded: readonly Excluded[] } {
  const { protocol, regions, needs, pinned, boundTo } = restrictions;
  if (regions === undefined && needs.size === 0 && !pinned && boundTo === undefined && protocol !== 'embeddings') {
    return { targets, excluded: NONE };
  }
  const excluded: Excluded[] = [];
  const allowed: Target[] = [];
  const elsewhere = regions === undefined ? '' : `only ${[...regions].join(', ')} may be used`;
  for (const target of targets) {
    const why = reason(target, restrictions, allowed[0], elsewhere);
    if (why === undefined) allowed.push(target);
    else excluded.push({ target, why });
  }
  return excluded.length === 0 ? { targets, excluded } : { targets: allowed, excluded };
}

function reason(
  target: Target,
  { protocol, regions, needs, pinned, boundTo }: Restrictions,
  first: Target | undefined,
  elsewhere: string,
): string | undefined {
  const { deployment, client } = target.state;
  if (regions !== undefined && !isWithin(deployment.regions, regions)) {
    const known = deployment.regions.length === 0 ? 'not known' : deployment.regions.join(' or ');
    return `its region is ${known}, and ${elsewhere}`;
  }
  for (const need of needs) if (deployment.unsupported.has(need)) return WHY_UNSUPPORTED[need];
  if (typeof boundTo === 'string' && client.name !== boundTo)
    return `the call refers to something stored by the client ${boundTo}`;
  if (first === undefined) return undefined;
  if (boundTo === null)
    return 'the call refers to something stored on a server, so it goes to the first deployment only';
  if (pinned) return 'the call brings its own credentials, which go to its first deployment only';
  if (protocol === 'embeddings' && spaceOf(target) !== spaceOf(first))
    return 'its vectors are not comparable with those of the first';
  return undefined;
}

/** Why a deployment cannot answer a request that needs this capability. */
const WHY_UNSUPPORTED: Readonly<Record<Capability, string>> = {
  tools: 'it cannot call tools',
  parallelToolCalls: 'it cannot call several tools at once',
  jsonSchema: 'it cannot follow a JSON schema',
  vision: 'it cannot read images',
  audio: 'it has no audio',
  logprobs: 'it gives no token probabilities',
  multipleChoices: 'it gives one answer only (`n` is above 1)',
};

const spaceOf = ({ state, model }: Target) => state.deployment.embeddingSpace ?? model;
