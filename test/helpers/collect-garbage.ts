import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

/** Collects garbage until `isDone`, with turns of the event loop in between, in which finalizers run. */
export async function collectUntil(isDone: () => boolean, maxTurns = 100): Promise<boolean> {
  for (let turn = 0; turn < maxTurns && !isDone(); turn++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return isDone();
}
