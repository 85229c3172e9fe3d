import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const turn = setImmediate;

/** Collects garbage, with turns of the event loop for finalizers, until `isDone`, at most `rounds` times. */
export async function collectGarbage(isDone: () => boolean = () => false, rounds = 50): Promise<void> {
  for (let round = 0; round < rounds && !isDone(); round += 1) {
    collect();
    for (let i = 0; i < 3; i += 1) await new Promise((resolve) => turn(resolve));
  }
}
