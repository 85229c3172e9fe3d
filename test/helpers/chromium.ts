import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian's package, or Chrome. */
export const chromiumPath = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => `/usr/bin/${name}`)
  .find((path) => existsSync(path));

type Answer = { id?: number; result?: Record<string, unknown>; error?: { message: string }; method?: string };

/** One page of a headless Chromium, driven through its debugging protocol. */
export class Chromium {
  #next = 1;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  /** Errors that the page has logged, including blocked resources. */
  readonly problems: string[] = [];

  private constructor(
    private readonly process: ChildProcess,
    private readonly profile: string,
    private readonly socket: WebSocket,
  ) {
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer & { params?: unknown };
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
      else if (answer.method === 'Runtime.exceptionThrown' || answer.method === 'Log.entryAdded')
        this.problems.push(JSON.stringify(answer.params));
    });
  }

  static async start(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'model-router-chromium-'));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'];
    const child = spawn(
      chromiumPath ?? '',
      [...flags, '--no-first-run', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'],
      { stdio: 'ignore' },
    );
    const portFile = join(profile, 'DevToolsActivePort');
    const port = await eventually(() => existsSync(portFile) && readFileSync(portFile, 'utf8').split('\n')[0]);
    const pages = await eventually(async () => {
      const list = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
        type: string;
        webSocketDebuggerUrl: string;
      }[];
      return list.find(({ type }) => type === 'page');
    });
    const socket = new WebSocket(pages.webSocketDebuggerUrl);
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    const page = new Chromium(child, profile, socket);
    for (const domain of ['Page', 'Runtime', 'Log']) await page.send(`${domain}.enable`);
    return page;
  }

  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
    this.#waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result ?? {};
  }

  async open(url: string): Promise<void> {
    await this.send('Page.navigate', { url });
  }

  async look({ width, dark }: { width: number; dark: boolean }): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', {
      width,
      height: 800,
      deviceScaleFactor: 1,
      mobile: width < 500,
    });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.send('Emulation.setEmulatedMedia', { features });
  }

  async evaluate<T>(expression: string): Promise<T> {
    const { result } = (await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value: T } };
    return result.value;
  }

  /** Waits until the expression is true in the page. */
  async until(expression: string): Promise<void> {
    await eventually(() => this.evaluate<boolean>(expression));
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.socket.close();
    this.process.kill('SIGKILL');
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function eventually<T>(look: () => T | Promise<T>): Promise<Exclude<T, undefined | false | null | ''>> {
  for (let i = 0; i < 600; i++) {
    const found = await Promise.resolve()
      .then(look)
      .catch(() => undefined);
    if (found) return found as Exclude<T, undefined | false | null | ''>;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It did not come about in 30 seconds.');
}
