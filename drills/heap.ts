import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Samples the heap after full collections, and computes how fast it grows. */
export class HeapWatch {
  readonly #collect: () => void;
  readonly #samples: { readonly calls: number; readonly bytes: number }[] = [];

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc');
  }

  async sample(calls: number): Promise<void> {
    this.#collect();
    // Weak references and their targets can only be collected after a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    this.#collect();
    this.#samples.push({ calls, bytes: process.memoryUsage().heapUsed });
  }

  /** Kilobytes per 1000 calls: the least-squares line through the samples, without those of the first calls. */
  slopeFrom(firstCalls: number): number {
    const samples = this.#samples.filter(({ calls }) => calls >= firstCalls);
    const mean = (of: (sample: (typeof samples)[number]) => number) =>
      samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
    const calls = mean((sample) => sample.calls);
    const bytes = mean((sample) => sample.bytes);
    const covariance = mean((sample) => (sample.calls - calls) * (sample.bytes - bytes));
    const variance = mean((sample) => (sample.calls - calls) ** 2);
    return (covariance / variance) * (1000 / 1024);
  }
}
