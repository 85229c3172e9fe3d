import { collectGarbage } from '../../drills/garbage.ts';

export { collectGarbage };

/** Collects garbage until `isDone`, with time in between for finalizers. */
export async function collectUntil(isDone: () => boolean, maxTurns = 100): Promise<boolean> {
  for (let turn = 0; turn < maxTurns && !isDone(); turn += 1) {
    await collectGarbage(undefined, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return isDone();
}

/** Bytes on the heap after a full collection. */
export async function heapUsed(): Promise<number> {
  await collectGarbage(undefined, 3);
  return process.memoryUsage().heapUsed;
}
