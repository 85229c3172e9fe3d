import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { WorkerReport, WorkerSettings } from './worker.ts';

export interface Worker {
  readonly child: ChildProcess;
  isGone: boolean;
  /** It has started, and listens; rejects where it ends before. */
  readonly ready: Promise<void>;
  kill(): void;
  freeze(ms: number): void;
}

export interface Fleet {
  readonly workers: Worker[];
  /** Begins the calls of all of them. */
  go(): void;
  /** Another process, which begins at once. */
  add(more?: Partial<WorkerSettings>): Promise<Worker>;
  /** Lets calls end, and returns what those report that are still there. */
  stop(): Promise<WorkerReport[]>;
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The program of one process, with the router's source in it. */
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

/** Starts so many processes, which wait for `go`. */
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
        // Both libraries, and clocks that are an hour off either way.
        start({
          ...settings,
          library: (i + j) % 2 === 0 ? settings.library : 'ioredis',
          clockMs: settings.clockMs * (j - 1),
        }),
      ),
    );
  return {
    workers,
    go: () => {
      for (const { child, isGone } of workers) if (!isGone) child.send('go');
    },
    add: async (more = {}) => {
      const worker = await start({ ...settings, ...more });
      worker.child.send('go');
      return worker;
    },
    stop: async () => {
      // Else the first message of one that is starting still would be taken for its report.
      await Promise.allSettled(workers.map(({ ready }) => ready));
      const reports = workers
        .filter(({ isGone }) => !isGone)
        .map(
          ({ child }) =>
            new Promise<WorkerReport[]>((resolve) => {
              child.once('message', (report) => resolve([report as WorkerReport]));
              child.once('exit', () => resolve([]));
              child.send('stop');
            }),
        );
      return (await Promise.all(reports)).flat();
    },
  };
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
