/** A deployment that a call may use, as strategies see it. Times are in milliseconds. */
export interface StrategyDeployment {
  readonly id: string;
  /** From the strategy's `weights`, else the deployment's `weight`, else 1. */
  readonly weight: number;
  /** Attempts of all calls that run there now. */
  readonly inFlight: number;
  readonly maxConcurrent: number | undefined;
  /** Over recent minutes, separately for streams and whole answers; `undefined` until enough answers are known. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  /** The expected cost of this request there, in US dollars; `undefined` if the price is unknown. */
  readonly expectedCostUsd: number | undefined;
}

/** The input of a strategy. It has only the deployments that the call may use, in listed order. */
export interface StrategyView {
  readonly route: string;
  readonly stream: boolean;
  readonly deployments: readonly StrategyDeployment[];
}

/**
 * Orders the deployments of a route. The order is also the failover order.
 *
 * `order` must be pure: it returns ids, with the first one to try at the front. Unknown and repeated ids are ignored,
 * missing ones go last in listed order. If it throws or returns anything but an array, the listed order is used, with
 * one warning.
 */
export interface Strategy {
  /** Appears as `chosenBy` in the record of a call. */
  readonly name: string;
  order(view: StrategyView): readonly string[];
}
