import type { RecordedRequest } from './recorder.js';
import type { Script } from './script.js';
import type { Upstream } from './upstream.js';

/** How a test looks at a fake, and changes it while it runs. */
export interface FakeControls {
  /** The requests, in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  requestsOf(model: string): readonly RecordedRequest[];
  /** The number of requests since the last `clear`, including those beyond `keep`. */
  readonly count: number;
  /** How many requests run now. */
  readonly open: number;
  /**
   * Gives a model another script from its next request on, or adds the model; `undefined` stands for requests that name
   * none. The script starts at its beginning.
   */
  set(model: string | undefined, script: Script): void;
  /** Forgets the requests. Scripts go on where they are. */
  clear(): void;
  /** Ends all at once, what hangs too. Calls after it fail as to a server that is gone. */
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
  // Descriptors and not `Object.assign`, which would read the getters once and for all.
  return Object.defineProperties(entryPoint, Object.getOwnPropertyDescriptors(controls)) as EntryPoint & FakeControls;
}
