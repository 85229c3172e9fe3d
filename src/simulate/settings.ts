import type { Script } from '../testing/script.js';
import type { Filled } from '../util/filled.js';
import type { BaselineOptions, SimulateOptions } from './options.js';

/** The options of a simulation, filled and checked. */
export interface Settings extends Filled<Omit<SimulateOptions, 'baseline' | 'onProgress'>> {
  readonly baseline: BaselineOptions | undefined;
  /** `upstreams` may name deployments that the router does not have. */
  readonly mayNameOthers: boolean;
  /** What a deployment does of which `upstreams` says nothing. */
  readonly usual: (deployment: string) => Script;
  readonly onProgress: ((share: number) => void) | undefined;
}
