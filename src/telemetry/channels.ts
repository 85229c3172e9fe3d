import { nodeModule } from '../util/node-module.js';
import type { AttemptRecord, CallRecord } from './record-types.js';
import type { EndedError } from './tracing.js';

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/**
 * Publishes to Node's `diagnostics_channel`, if the runtime has it: `model-router:call` and `model-router:attempt`, for
 * tools that observe a process without changing its code. Messages are built only if there is a subscriber.
 */
export class Channels {
  #channels: { readonly call: Channel; readonly attempt: Channel } | undefined;
  #isLookedUp = false;

  call(record: CallRecord, error: EndedError | null): void {
    const channel = this.#find()?.call;
    if (channel?.hasSubscribers === true) channel.publish({ record: structuredClone(record), error });
  }

  attempt(callId: string, attempt: AttemptRecord): void {
    const channel = this.#find()?.attempt;
    if (channel?.hasSubscribers === true) channel.publish({ callId, attempt: { ...attempt } });
  }

  #find() {
    if (this.#isLookedUp) return this.#channels;
    this.#isLookedUp = true;
    const diagnostics = nodeModule('node:diagnostics_channel');
    if (diagnostics !== undefined)
      this.#channels = {
        call: diagnostics.channel('model-router:call'),
        attempt: diagnostics.channel('model-router:attempt'),
      };
    return this.#channels;
  }
}
