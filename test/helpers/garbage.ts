import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects garbage, with turns of the event loop for what waits for it, until `isDone`, at most some 50 times. */
export async function collectGarbage(isDone: () => boolean = () => false, rounds = 50): Promise<void> {
  for (let round = 0; round < rounds && !isDone(); round += 1) {
    collect();
    await turn();
    await turn();
  }
}

/** Bytes on the heap after a full collection. */
export async function heapUsed(): Promise<number> {
  await collectGarbage(undefined, 3);
  return process.memoryUsage().heapUsed;
}
