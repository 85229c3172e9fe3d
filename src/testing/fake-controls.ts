import type { RecordedRequest } from './recorder.js';
import type { Script } from './script.js';
import type { Upstream } from './upstream.js';

/** How a test looks at a fake, and changes it while it runs. */
export interface FakeControls {
  /** What was asked, in the order of arrival. */
  readonly requests: readonly RecordedRequest[];
  requestsOf(model: string): readonly RecordedRequest[];
  /** How many requests came since the last `clear`, those that are no longer kept too. */
  readonly count: number;
  /** How many requests run now. */
  readonly open: number;
  /**
   * Gives a model another script from its next request on, or adds the model; `undefined` stands for requests that
   * name none. The script starts at its beginning.
   */
  set(model: string | undefined, script: Script): void;
  /** Forgets the requests. Scripts go on where they are. */
  clear(): void;
  /** Ends all at once, what hangs too. Calls after it fail as to a server that is gone. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Puts the controls on a door. */
export function withControls<Door extends object>(
  door: Door,
  { recorder, scripts }: Upstream,
  close: () => Promise<void>,
): Door & FakeControls {
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
  return Object.defineProperties(door, Object.getOwnPropertyDescriptors(controls)) as Door & FakeControls;
}
