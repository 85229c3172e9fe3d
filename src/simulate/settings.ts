import type { Script } from '../testing/script.js';
import type { Filled } from '../util/filled.js';
import type { BaselineOptions, SimulateOptions } from './options.js';

/** The checked options of a simulation, with defaults filled in. */
export interface Settings extends Filled<Omit<SimulateOptions, 'baseline' | 'onProgress'>> {
  readonly baseline: BaselineOptions | undefined;
  /** `upstreams` may name deployments that the router does not have. */
  readonly mayNameOthers: boolean;
  /** The behaviour of a deployment that `upstreams` does not list. */
  readonly usual: (deployment: string) => Script;
  readonly onProgress: ((share: number) => void) | undefined;
}
