/** One deployment that a call may use, as a strategy sees it. Times are in milliseconds. */
export interface StrategyDeployment {
  readonly id: string;
  /** From the strategy's `weights`, else the deployment's `weight`, else 1. */
  readonly weight: number;
  /** Attempts that run there now, of all calls. */
  readonly inFlight: number;
  readonly maxConcurrent: number | undefined;
  /** Of the answers of the last minutes, streams and whole answers apart; `undefined` until enough are known. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  /** What this request is expected to cost there, in US dollars; `undefined` where the price is unknown. */
  readonly expectedCostUsd: number | undefined;
}

/** What a strategy may go by. It holds only the deployments that the call is allowed to use, in listed order. */
export interface StrategyView {
  readonly route: string;
  readonly stream: boolean;
  readonly deployments: readonly StrategyDeployment[];
}

/**
 * Orders the deployments of a route. The order is also the failover order.
 *
 * `order` must be pure: it returns ids, the one to try first at the front. Unknown and repeated ids are ignored, missing
 * ones go last in listed order. If it throws or returns anything but an array, the listed order is used, with one warning.
 */
export interface Strategy {
  /** Appears as `chosenBy` in the record of a call. */
  readonly name: string;
  order(view: StrategyView): readonly string[];
}
