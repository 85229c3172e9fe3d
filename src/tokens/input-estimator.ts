import type { Events } from '../telemetry/events.js';
import type { Call } from '../types.js';
import { boundOf, type CountTokens, tokensOf } from './estimate-input.js';
import { type Input, readInput } from './read-input.js';

/** Estimates the input of calls. Once in a router's life it tells that the application's `countTokens` is of no use. */
export class InputEstimator {
  #hasTold = false;

  constructor(
    readonly countTokens: CountTokens | undefined,
    readonly events: Events,
  ) {}

  /** For whichever of a call's deployments counts most: any of them may be asked. */
  ofCall(call: Call): number {
    return this.#most(readInput(call.body, call.protocol), call);
  }

  /** The estimate, if it is over a limit. What is far below it is not looked at letter by letter. */
  over(call: Call, limit: number): number | undefined {
    const input = readInput(call.body, call.protocol);
    if ((this.boundOf(input) ?? Number.POSITIVE_INFINITY) <= limit) return undefined;
    const estimate = this.#most(input, call);
    return estimate > limit ? estimate : undefined;
  }

  /** What no estimate is above, without a look at the texts; `undefined` where it takes one. */
  boundOf(input: Input): number | undefined {
    return this.countTokens === undefined ? boundOf(input) : undefined;
  }

  #most(input: Input, call: Call): number {
    const models = new Set(call.targets.map((target) => target.model));
    return Math.max(0, ...[...models].map((model) => this.ofInput(input, model, call)));
  }

  /** For one model. */
  ofInput(input: Input, model: string | undefined, call: Pick<Call, 'log' | 'record'>): number {
    return tokensOf(input, model, this.countTokens && this.#watched(this.countTokens, call));
  }

  #watched(countTokens: CountTokens, call: Pick<Call, 'log' | 'record'>): CountTokens {
    return (given) => {
      try {
        const count: unknown = countTokens(given);
        if (count === undefined) return undefined;
        if (typeof count === 'number' && count >= 0 && count < Number.POSITIVE_INFINITY) return count;
        this.#tell('gave what is no count', call);
      } catch {
        this.#tell('threw', call);
      }
      return undefined;
    };
  }

  /** Not what it threw or gave: that may hold the prompt. */
  #tell(why: string, { log, record }: Pick<Call, 'log' | 'record'>): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    log.warn(`model-router ${record.id} countTokens ${why}; the router's own estimate is taken instead`);
    this.events.emit({ type: 'count-tokens-failed', callId: record.id, why });
  }
}
