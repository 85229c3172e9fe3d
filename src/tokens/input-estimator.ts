import type { Events } from '../telemetry/events.js';
import type { Call } from '../types.js';
import { ignoreRejection } from '../util/ignore-rejection.js';
import { type CountTokens, tokensOf } from './estimate-input.js';
import { type Input, readInput } from './read-input.js';

type CallContext = Pick<Call, 'log' | 'record'>;

/** Estimates the input of calls. Warns once per router if the application's `countTokens` fails. */
export class InputEstimator {
  #hasWarned = false;
  #seed: number | undefined;

  constructor(
    readonly countTokens: CountTokens | undefined,
    readonly events: Events,
    readonly random: () => number,
  ) {}

  /** The input of a call's body, read once, when a limit first needs it. */
  inputOf(call: Call): Input {
    const { measured } = call;
    if (measured !== undefined && measured.given === call.body) return measured.input;
    const input = readInput(call.body, call.protocol);
    call.measured = { given: call.body, input, tokens: new Map() };
    return input;
  }

  /** For the deployment that counts most, because the call may go to any of them. */
  ofCall(call: Call): number {
    let max = 0;
    for (const { model } of call.targets) max = Math.max(max, this.ofCallAt(call, model));
    return max;
  }

  /** For one model, counted once per call. */
  ofCallAt(call: Call, model: string | undefined): number {
    const input = this.inputOf(call);
    const known = call.measured?.tokens.get(model);
    if (known !== undefined) return known;
    const tokens = this.#tokensOf(input, model, call);
    call.measured?.tokens.set(model, tokens);
    return tokens;
  }

  /** For text that a model has written. */
  ofText(text: string, model: string | undefined, call: CallContext): number {
    return this.#tokensOf({ body: undefined, texts: [text], images: [], messages: 0, flat: 0 }, model, call);
  }

  #tokensOf(input: Input, model: string | undefined, call: CallContext): number {
    return tokensOf(input, model, this.countTokens && this.#checked(this.countTokens, call), this.#drawSeed);
  }

  /**
   * Drawn once, when a long text is first counted, so the same text has the same estimate during the router's lifetime.
   */
  readonly #drawSeed = (): number => {
    this.#seed ??= this.random();
    return this.#seed;
  };

  /** The application's function, without its errors, and `undefined` for a result that is no count. */
  #checked(countTokens: CountTokens, call: CallContext): CountTokens {
    return (given) => {
      try {
        const count: unknown = countTokens(given);
        if (count === undefined) return undefined;
        if (typeof count === 'number' && count >= 0 && count < Number.POSITIVE_INFINITY) return count;
        ignoreRejection(count);
        this.#warn('returned no count', call);
      } catch {
        this.#warn('threw', call);
      }
      return undefined;
    };
  }

  /** Without the error or the result, which may contain the prompt. */
  #warn(why: string, { log, record }: CallContext): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    log.warn(`${record.id} countTokens ${why}; the router's own estimate is used instead`);
    this.events.emit({ type: 'count-tokens-failed', callId: record.id, why });
  }
}
