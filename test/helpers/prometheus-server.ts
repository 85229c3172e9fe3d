import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian: apt-get install prometheus. */
export const hasPrometheus = existsSync('/usr/bin/prometheus');

/** A Prometheus server that scrapes `/metrics` of one host each second. */
export async function startPrometheus(target: string) {
  const folder = mkdtempSync(join(tmpdir(), 'model-router-prometheus-'));
  const config = join(folder, 'prometheus.json');
  const job = { job_name: 'app', static_configs: [{ targets: [target] }] };
  // YAML includes JSON.
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [job] }));
  const server = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--log.format=json',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const address = await new Promise<string>((resolve, reject) => {
    let log = '';
    server.stderr.on('data', (text) => {
      log += text;
      const found = /"address":"(127\.0\.0\.1:[1-9]\d*)"/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    });
    server.once('exit', () => reject(new Error(`Prometheus has ended: ${log}`)));
  });
  return {
    /** The values of a query now; an error of its text throws. */
    async query(expr: string): Promise<number[]> {
      const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expr)}`);
      const answer = (await response.json()) as {
        status: string;
        error?: string;
        data: { result: { value: [number, string] }[] };
      };
      if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error}`);
      return answer.data.result.map(({ value }) => Number(value[1]));
    },
    async stop(): Promise<void> {
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
