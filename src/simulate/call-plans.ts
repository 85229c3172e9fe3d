import type { Explanation } from '../inspect/explanation.js';
import type { ModelRouter } from '../model-router.js';
import type { Routable } from './context.js';
import type { SimulatedCall } from './options.js';
import { bodyOf } from './send-call.js';

/** A new router's plan for one kind of call. */
export interface CallPlan {
  readonly explanation: Explanation;
  /** The call's model, if no route or deployment has that name. */
  readonly unlisted: string | undefined;
  /** The deployment that is tried first, its client, and the upstream's name of its model. */
  readonly first: { readonly deployment: string; readonly client: string; readonly model: string };
}

/** The plans of all kinds of calls in the traffic. They outlive the router. */
export class CallPlans {
  /** Names of the router's routes and deployments. */
  readonly names: readonly string[];
  /** The router's deployments. */
  readonly routable: Routable;
  readonly #router: ModelRouter;
  readonly #usual: string;
  readonly #known = new Map<SimulatedCall, CallPlan>();

  constructor(router: ModelRouter) {
    this.#router = router;
    const { routes, deployments } = router.snapshot();
    this.names = [...Object.keys(routes), ...Object.keys(deployments)];
    this.routable = deployments;
    this.#usual = Object.keys(routes)[0] ?? Object.keys(deployments)[0] ?? 'auto';
  }

  modelOf({ model }: SimulatedCall): string {
    return model ?? this.#usual;
  }

  of(call: SimulatedCall): CallPlan {
    const known = this.#known.get(call);
    if (known !== undefined) return known;
    const body = bodyOf({ number: 0, atMs: 0, stream: false, call }, this.modelOf(call));
    const explanation = this.#router.explain(body, call.options ?? {});
    const deployment = explanation.deployments[0]?.id ?? '';
    const { client = 'default', model } = this.#router.snapshot().deployments[deployment] ?? {};
    const unlisted = explanation.route === null && deployment.endsWith('/*') ? String(body.model) : undefined;
    const plan = { explanation, unlisted, first: { deployment, client, model: model ?? this.modelOf(call) } };
    this.#known.set(call, plan);
    return plan;
  }
}
