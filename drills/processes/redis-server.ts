import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Whether this machine has Debian's `redis-server`. Without it, the tests that need it are skipped. `.ci/run` requires
 * it.
 */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis && process.env.REQUIRE_REDIS === '1')
  throw new Error('There is no redis-server: apt-get install redis-server.');

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly dir: string;
  /** Sends one command over its own connection. */
  cli(...command: string[]): string;
  signal(name: NodeJS.Signals): void;
  /** Ends it at once, like `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A separate server on a free port of the loopback, which writes nothing to disk unless `options` say so. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'model-router-redis-'));
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--daemonize', 'no'];
  let child: ChildProcess | undefined;
  const cli = (...command: string[]) =>
    spawnSync('redis-cli', ['-h', '127.0.0.1', '-p', `${port}`, ...command], { encoding: 'utf8' }).stdout.trim();
  const start = async () => {
    child = spawn('redis-server', [...settings, ...options], { stdio: 'ignore' });
    for (let i = 0; i < 200; i++) {
      if (cli('PING') === 'PONG') return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('redis-server has not started.');
  };
  const kill = async () => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGCONT');
    ending.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    dir,
    cli,
    signal: (name) => child?.kill(name),
    kill,
    restart: start,
    stop: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
