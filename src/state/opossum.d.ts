/** The part of opossum 10 that `circuit-breaker.ts` uses; the published types lag behind the library. */
declare module 'opossum' {
  /** One slice of the rolling window. */
  interface Bucket {
    failures: number;
    successes: number;
    latencyTimes: number[];
  }

  /** The result of an action, as opossum needs it; a real promise fits too. */
  interface Settlement {
    then(succeed: () => void): { catch(fail: () => void): void };
  }

  /** Replaces opossum's timer for the window. opossum registers one listener. */
  interface RotateBucketController {
    listenerCount(event: string, listener: () => void): number;
    on(event: string, listener: () => void): void;
    removeListener(event: string, listener: () => void): void;
  }

  interface Options {
    timeout: number | false;
    resetTimeout: number;
    rollingCountTimeout: number;
    rollingCountBuckets: number;
    rollingPercentilesEnabled: boolean;
    enableSnapshots: boolean;
    volumeThreshold: number;
    rotateBucketController: RotateBucketController;
    state?: { closed: boolean; halfOpen: boolean };
  }

  class CircuitBreaker<Input> {
    constructor(action: (input: Input) => Settlement, options: Options);
    readonly options: Options;
    readonly status: { readonly window: readonly Bucket[] };
    on(event: 'halfOpen', listener: () => void): this;
    fire(input: Input): Promise<void>;
    open(): void;
    shutdown(): void;
  }

  export { CircuitBreaker as default, type RotateBucketController, type Settlement };
}
