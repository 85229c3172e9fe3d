import type { DeploymentConfig } from './options/check-deployments.js';
import type { RouterConfig } from './options/check-options.js';
import type { SlaConfig } from './options/check-sla.js';
import type { PriceBook } from './prices/price-book.js';
import { hasLimits, type Place, Slots } from './state/capacity.js';
import { DeploymentBreaker } from './state/circuit-breaker.js';
import { type ClientState, DeploymentState } from './state/deployment-state.js';
import { RetryBudget } from './state/retry-budget.js';
import { DEFAULT_DOWNTIME } from './state/service-history.js';
import { ServiceLevel } from './state/service-level.js';
import type { Events } from './telemetry/events.js';
import type { KnownPrice } from './telemetry/record-types.js';
import type { Capability, Deployment, Upstream } from './types.js';
import { isSameValue } from './util/is-same-value.js';

/**
 * The states of a configuration's deployments and clients. Those that an update leaves unchanged keep the state from the
 * previous configuration.
 */
export class Deployments {
  /** By name: configured deployments, and one shared state per client for unlisted models, created at first use. */
  readonly states = new Map<string, DeploymentState>();
  readonly clients: ReadonlyMap<string, ClientState>;

  constructor(
    readonly config: RouterConfig,
    readonly upstreams: ReadonlyMap<string, Upstream>,
    readonly events: Events,
    prices: PriceBook,
    previous?: Deployments,
  ) {
    // First of all, because an error here must leave nothing to close.
    const known = new Map([...config.deployments].map(([id, each]) => [id, priceOf(id, each, prices)]));
    this.clients = new Map([...upstreams.keys()].map((name) => [name, this.#client(name, previous)]));
    for (const [id, deployment] of config.deployments)
      this.#add(id, this.#describe(id, deployment, known.get(id)), deployment.sla, previous);
    for (const [id, state] of previous?.states ?? [])
      if (id.endsWith('/*') && this.clients.has(state.client.name)) this.states.set(id, state);
  }

  /** The state of a client's unlisted models. `onNew` is called when it is created. */
  unlisted(client: string, onNew: (id: string, state: DeploymentState) => void): DeploymentState {
    const id = `${client}/*`;
    const known = this.states.get(id);
    if (known !== undefined) return known;
    const state = this.#add(id, this.#describe(id, { client, model: undefined }, undefined), undefined);
    onNew(id, state);
    return state;
  }

  /** Keeps the state of a client with the same name. A new key ends its suspension. */
  #client(name: string, previous: Deployments | undefined): ClientState {
    const known = previous?.clients.get(name);
    if (known === undefined) return this.#newClient(name);
    known.slots.update({ maxConcurrent: this.config.clientLimits.get(name), rpm: undefined, tpm: undefined });
    if (previous?.upstreams.get(name) !== this.upstreams.get(name)) known.suspendedUntil = 0;
    return known;
  }

  #newClient(name: string): ClientState {
    const maxConcurrent = this.config.clientLimits.get(name);
    const slots = new Slots({ maxConcurrent, rpm: undefined, tpm: undefined });
    return { name, suspendedUntil: 0, suspendedAt: undefined, retryBudget: new RetryBudget(this.config.retry), slots };
  }

  #add(id: string, deployment: Deployment, sla: SlaConfig | undefined, previous?: Deployments): DeploymentState {
    const known = previous?.states.get(id);
    const { upstream, model } = deployment;
    if (known?.deployment.upstream.name === upstream.name && known.deployment.model === model) {
      const isSameSla = isSameValue(previous?.config.deployments.get(id)?.sla, sla);
      if (!isSameSla) known.service.promise(sla, sla?.downtime ?? DEFAULT_DOWNTIME);
      known.become(deployment, {
        breaker: isSameValue(previous?.config.breaker, this.config.breaker) ? known.breaker : this.#breaker(id),
        place: known.place ?? placeOf(id, deployment, known.client),
      });
      this.states.set(id, known);
      return known;
    }
    const client = this.clients.get(deployment.upstream.name) ?? this.#newClient(deployment.upstream.name);
    const state = new DeploymentState(
      deployment,
      client,
      this.#breaker(id),
      placeOf(id, deployment, client),
      newService(this.events, sla, { deployment: id }),
    );
    this.states.set(id, state);
    return state;
  }

  #breaker(deployment: string): DeploymentBreaker | undefined {
    const { breaker: settings, random } = this.config;
    if (settings === undefined) return undefined;
    return new DeploymentBreaker(settings, {
      random,
      onChange: (state) => {
        if (state === 'open') this.events.emit({ type: 'breaker-opened', deployment, cooldownMs: settings.cooldownMs });
        if (state === 'closed') this.events.emit({ type: 'breaker-closed', deployment });
      },
    });
  }

  #describe(
    id: string,
    config: Omit<DeploymentConfig, 'model' | 'sla'> & { model: string | undefined },
    price: KnownPrice | undefined,
  ): Deployment {
    const upstream = this.upstreams.get(config.client);
    if (upstream === undefined) throw new Error(`No client ${config.client}: the options were not checked.`);
    const { model } = config;
    return {
      id,
      upstream,
      model,
      price,
      regions: config.region === undefined ? [] : [config.region].flat(),
      attemptTimeoutMs: config.attemptTimeoutMs,
      adapt: config.adapt,
      contextWindow: config.contextWindow,
      maxOutputTokens: config.maxOutputTokens,
      unsupported: new Set(
        Object.entries(config.capabilities ?? {}).flatMap(([name, can]) => (can ? [] : [name as Capability])),
      ),
      streamUsage: config.streamUsage ?? true,
      embeddingSpace: config.embeddingSpace,
      maxConcurrent: config.maxConcurrent,
      maxQueue: config.maxQueue ?? 1000,
      rpm: config.rpm,
      tpm: config.tpm,
    };
  }
}

/** The service level of a route or deployment, which emits its alarms. */
export function newService(
  events: Events,
  sla: SlaConfig | undefined,
  subject: { route: string } | { deployment: string },
): ServiceLevel {
  return new ServiceLevel(sla, sla?.downtime ?? DEFAULT_DOWNTIME, ({ severity, isBurning, burnRate }) =>
    events.emit({ type: isBurning ? 'sla-burning' : 'sla-recovered', ...subject, severity, burnRate }),
  );
}

/** `undefined` without limits to count for. */
function placeOf(id: string, deployment: Deployment, client: ClientState): Place | undefined {
  const place = { id, slots: new Slots(deployment), client: client.slots, maxQueue: deployment.maxQueue };
  return hasLimits(place) ? place : undefined;
}

function priceOf(deployment: string, { model, price }: DeploymentConfig, prices: PriceBook): KnownPrice | undefined {
  return price === undefined ? prices.of({ deployment, model }) : { price, source: 'deployment' };
}
