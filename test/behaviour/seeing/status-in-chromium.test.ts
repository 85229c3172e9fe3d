import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { callOptions, ModelRouter } from 'model-router';
import { nodeStatusHandler } from 'model-router/status';
import { answer, fail } from 'model-router/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Chromium, chromiumPath } from '../../helpers/chromium.js';
import { listening } from '../../helpers/listening.js';
import { fakeClients } from '../../helpers/routers.js';

const failing = 'deepseek-ai/DeepSeek-V4-Flash';
const usage = { inputTokens: 900_000, outputTokens: 250_000 };
const title = '<b>Support</b> desk';
const unseen = 'a prompt that must not be seen';

/** A router that had ten good calls before its first deployment broke. */
async function troubled() {
  const { clients } = fakeClients(['default', 'pro'], {
    models: {
      [failing]: [...Array.from({ length: 10 }, () => answer({ usage, latencyMs: 5 })), fail(503)],
      'qwen/Qwen3-32B': answer({ usage, latencyMs: 3 }),
      'zai-org/GLM-5': answer(),
      'Pro/deepseek-ai/DeepSeek-V3.2': fail(401),
    },
  });
  const router = new ModelRouter({
    clients,
    retry: { baseMs: 0 },
    deployments: {
      [failing]: { region: 'eu', price: { input: 0.25, output: 0.25 }, sla: { uptime: 0.999, p99Ms: 500 } },
      'qwen/Qwen3-32B': { region: 'us', price: { input: 0.28, output: 0.28 } },
      'zai-org/GLM-5': { price: { input: 0.6, output: 2.2 } },
      'Pro/deepseek-ai/DeepSeek-V3.2': { client: 'pro', region: ['us', 'eu'], price: { input: 2.5, output: 2.5 } },
    },
    routes: {
      standard: { deployments: [failing, 'qwen/Qwen3-32B', 'zai-org/GLM-5'], sla: { uptime: 0.999 } },
      premium: ['Pro/deepseek-ai/DeepSeek-V3.2', 'qwen/Qwen3-32B'],
    },
    budgets: [
      { usd: 20, window: 'day' },
      { usd: 5, window: 'month', per: 'tenant' },
    ],
    cache: true,
  });
  const server = createServer(nodeStatusHandler(router, { title }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const send = (i: number) =>
    router.chat.completions.create(
      { model: i % 9 === 8 ? 'premium' : 'standard', messages: [{ role: 'user', content: `${unseen} ${i % 40}` }] },
      callOptions({ tenant: `customer ${i % 2}` }),
    );
  for (let i = 0; i < 70; i++) await send(i);
  return { router, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/status` };
}

// Debian: apt-get install chromium.
describe.skipIf(chromiumPath === undefined)('the status page in Chromium (skipped where it is not installed)', () => {
  let page: Chromium;
  let served: Awaited<ReturnType<typeof troubled>>;

  beforeAll(async () => {
    page = await Chromium.start();
  }, 60_000);
  afterAll(async () => {
    await page?.close();
    await served?.router.close();
    served?.server.closeAllConnections();
    served?.server.close();
  });

  it('shows the failing model first, with its region, since when, why, and what it cost', async () => {
    served = await troubled();
    await page.look({ width: 1280, dark: false });
    await page.open(served.url);
    await page.until("document.querySelectorAll('.card').length > 3");
    const headline = await page.evaluate<string>("document.getElementById('headline').textContent");
    expect(headline).toMatch(
      /deepseek-ai\/DeepSeek-V4-Flash \(region eu\) has been down since \d\d:\d\d:\d\d \(\d+ s\): server error, HTTP 503. Cost so far \$\d/,
    );
    const card = await page.evaluate<string>("document.querySelector('.card').textContent");
    expect(card).toContain(failing);
    expect(card).toMatch(/Last failure: server error, HTTP 503 after \d+ ms/);
    expect(await page.evaluate('document.title')).toBe(title);
    expect(await page.evaluate("document.querySelector('h1').textContent")).toBe(title);
  }, 60_000);

  it('satisfies its own content security policy, and no script fails', async () => {
    // A second event has come: the page is live.
    const first = await page.evaluate<string>("document.getElementById('live').textContent");
    await page.until(`document.getElementById('live').textContent !== ${JSON.stringify(first)}`);
    expect(await page.evaluate("document.getElementById('live').className")).toBe('live on');
    expect(page.problems).toEqual([]);
  }, 60_000);

  it('shows no prompt, no key and no tenant', async () => {
    const text = await page.evaluate<string>('document.documentElement.innerHTML');
    for (const word of [unseen, 'sk-key', 'customer']) expect(text).not.toContain(word);
  });

  it.each([
    { width: 1280, dark: false },
    { width: 1280, dark: true },
    { width: 390, dark: false },
    { width: 390, dark: true },
  ])('fits $width pixels, dark: $dark', async (look) => {
    await page.look(look);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
    // For a look by eye: SCREENSHOTS=folder npx vitest run test/behaviour/seeing/status-in-chromium.test.ts
    const folder = process.env['SCREENSHOTS'];
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/status-${look.width}-${look.dark ? 'dark' : 'light'}.png`, await page.screenshot());
  });

  it.each([1280, 390])(
    'fits %d pixels with names of any length, and names cannot hide or reorder text',
    async (width) => {
      const long = `azure/${'a-long-name-'.repeat(20)}`;
      const odd = '<img src=x onerror=alert(1)> \u202eesrever';
      const { clients } = fakeClients(['default'], { models: { [long]: answer({ usage }), [odd]: fail(500) } });
      const router = new ModelRouter({
        clients,
        maxAttempts: 2,
        retry: { baseMs: 0 },
        deployments: { [long]: { region: long, price: { input: 1, output: 1 } }, [odd]: {} },
        routes: { [`${long}route`]: [odd, long] },
        unknownPrice: 'allow',
        budgets: [{ usd: 5, window: 'month', per: 'tenant' }],
      });
      const url = await listening(nodeStatusHandler(router, { showTenants: true }));
      onTestFinished(() => router.close());
      const messages = [{ role: 'user' as const, content: unseen }];
      await router.chat.completions.create({ model: `${long}route`, messages }, callOptions({ tenant: odd + long }));
      await page.look({ width, dark: false });
      await page.open(`${url}/status/`);
      await page.until("document.querySelectorAll('.card').length > 5");
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      const text = await page.evaluate<string>("document.querySelector('main').textContent");
      expect(text).toContain('<img src=x onerror=alert(1)> \\u{202e}esrever');
      expect(text).not.toContain('\u202e');
    },
    60_000,
  );
});
