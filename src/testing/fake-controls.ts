import type { RecordedRequest } from './recorder.js';
import type { Script } from './script.js';
import type { Upstream } from './upstream.js';

/** How a test inspects a fake, and changes it while it runs. */
export interface FakeControls {
  /** The requests, in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  requestsOf(model: string): readonly RecordedRequest[];
  /** The number of requests since the last `clear`, including those beyond `keep`. */
  readonly count: number;
  /** The number of requests that run now. */
  readonly open: number;
  /**
   * Sets a model's script from its next request on, or adds the model; `undefined` stands for requests without a model.
   * The script starts at its beginning.
   */
  set(model: string | undefined, script: Script): void;
  /** Clears the recorded requests. Scripts continue where they are. */
  clear(): void;
  /** Ends everything at once, including hanging requests. Later calls fail like calls to a server that is gone. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Adds the controls to an entry point. */
export function withControls<EntryPoint extends object>(
  entryPoint: EntryPoint,
  { recorder, scripts }: Upstream,
  close: () => Promise<void>,
): EntryPoint & FakeControls {
  const controls: FakeControls = {
    get requests() {
      return recorder.requests;
    },
    get count() {
      return recorder.count;
    },
    get open() {
      return recorder.open;
    },
    requestsOf: (model) => recorder.requestsOf(model),
    set: (model, script) => scripts.set(model, script),
    clear: () => recorder.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
  // Descriptors instead of `Object.assign`, which would copy the getters' current values.
  return Object.defineProperties(entryPoint, Object.getOwnPropertyDescriptors(controls)) as EntryPoint & FakeControls;
}
