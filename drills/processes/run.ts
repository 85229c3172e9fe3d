import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { WorkerMessage, WorkerReport, WorkerSettings } from './worker.ts';

export interface Worker {
  readonly child: ChildProcess;
  isGone: boolean;
  /** Resolves when it listens; rejects if it ends before. */
  readonly ready: Promise<void>;
  kill(): void;
  freeze(ms: number): void;
}

export interface Fleet {
  readonly workers: Worker[];
  /** Sends a message to all remaining processes. */
  send(message: WorkerMessage): void;
  /** Another process, which starts at once. */
  add(): Promise<Worker>;
  /** Milliseconds until the ledger gives every process grants as before. */
  recovery(): Promise<number>;
  /** Lets calls end, and returns the reports of the remaining processes. */
  stop(): Promise<WorkerReport[]>;
}

/** The next message of a kind; `undefined` if the process ends before. */
function reply(child: ChildProcess, isWanted: (message: unknown) => boolean): Promise<unknown> {
  return new Promise((resolve) => {
    const onMessage = (message: unknown) => {
      if (!isWanted(message)) return;
      child.off('message', onMessage);
      resolve(message);
    };
    child.on('message', onMessage);
    child.once('exit', () => resolve(undefined));
  });
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The program of one process, including the router's source. */
export async function bundleWorker(): Promise<{ file: string; remove: () => void }> {
  const dir = mkdtempSync(join(tmpdir(), 'model-router-worker-'));
  const file = join(dir, 'worker.mjs');
  await build({
    entryPoints: [path('./worker.ts')],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    logLevel: 'error',
    alias: { 'model-router/redis': path('../../src/redis/index.ts'), 'model-router': path('../../src/index.ts') },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return { file, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Starts this many processes, which wait for `go`. */
export async function startFleet(file: string, count: number, settings: WorkerSettings): Promise<Fleet> {
  const workers: Worker[] = [];
  const start = async (each: WorkerSettings): Promise<Worker> => {
    const child = fork(file, { env: { ...process.env, WORKER: JSON.stringify(each) }, stdio: 'inherit', execArgv: [] });
    const worker: Worker = {
      child,
      isGone: false,
      ready: new Promise<void>((resolve, reject) => {
        child.once('message', () => resolve());
        child.once('exit', (code) => reject(new Error(`A process has ended by itself (${code}).`)));
      }),
      kill: () => {
        worker.isGone = true;
        child.kill('SIGKILL');
      },
      freeze: (ms) => {
        child.kill('SIGSTOP');
        setTimeout(() => child.kill('SIGCONT'), ms);
      },
    };
    workers.push(worker);
    await worker.ready;
    return worker;
  };
  for (let i = 0; i < count; i += 4)
    await Promise.all(
      Array.from({ length: Math.min(4, count - i) }, (_, j) =>
        // Both libraries, and clocks that are wrong by an hour in either direction.
        start({
          ...settings,
          library: (i + j) % 2 === 0 ? settings.library : 'ioredis',
          clockMs: settings.clockMs * (j - 1),
        }),
      ),
    );
  const left = () => workers.filter(({ isGone }) => !isGone);
  const send = (message: WorkerMessage) => {
    for (const { child } of left()) child.send(message);
  };
  return {
    workers,
    send,
    add: async () => {
      const worker = await start(settings);
      worker.child.send('go');
      worker.child.send('load');
      return worker;
    },
    recovery: async () => {
      const startedAt = performance.now();
      const recovered = left().map(({ child }) => reply(child, (message) => message === 'recovered'));
      send('probe');
      await Promise.all(recovered);
      return performance.now() - startedAt;
    },
    stop: async () => {
      // Otherwise the first message of a process that is still starting would be taken for its report.
      await Promise.allSettled(workers.map(({ ready }) => ready));
      const reports = left().map(({ child }) => reply(child, (message) => typeof message === 'object'));
      send('stop');
      return (await Promise.all(reports)).flatMap((report) => (report === undefined ? [] : [report as WorkerReport]));
    },
  };
}

export { setTimeout as sleep } from 'node:timers/promises';
