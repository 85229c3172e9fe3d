import { nodeStatusHandler } from 'model-router/status';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { statusCommand } from '../../../src/cli/status-command.js';
import { listening } from '../../helpers/listening.js';
import { errorOf, sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

describe('model-router status', () => {
  it.each(['', '/', '/status', '/status/', '/status/status.json'])('reads the page at %j', async (path) => {
    const { router } = build({ a: answer() });
    const url = await listening(nodeStatusHandler(router, { title: 'Desk' }));
    await sendChat(router);
    const { code, output } = await statusCommand([`${url}${path}`, '--once']);
    expect(output).toContain(`Desk: process ${process.pid}`);
    expect(output).toContain('1 of 1 calls answered');
    expect(output).toMatch(/\nworking +a +\d\d:\d\d:\d\d \(\d+ s\) +1 +0 +/);
    expect(code).toBe(0);
  });

  it('lists problems first: where, since when, why and at what cost; and exits with 1', async () => {
    const { router } = build(
      { a: answer(), b: fail(503) },
      { deployments: { a: {}, b: { region: 'eu' } }, routes: { standard: ['b'], other: ['a'] } },
    );
    const url = await listening(nodeStatusHandler(router));
    await sendChat(router, 'other');
    await errorOf(sendChat(router));
    const { code, output } = await statusCommand([url]);
    expect(code).toBe(1);
    expect(output.split('\n')[4]).toMatch(
      /^failing +b +eu +\d\d:\d\d:\d\d \(\d+ s\) +\d+ +\d+ +\S.*server-error, HTTP 503 after \d+ ms \(server_error\)$/,
    );
    expect(output.split('\n')[5]).toMatch(/^working +a/);
  });

  it.each([
    [0, '$0'],
    [0.01, '<$0.0001'],
    [2, '$0.0020'],
    [3000, '$3.00'],
  ])('shows the cost of 1,000 tokens at $%d a million as %s', async (input, shown) => {
    const usage = { inputTokens: 1000, outputTokens: 0 };
    const { router } = build(
      { a: answer({ usage }) },
      { deployments: { a: { price: { input, output: 0 } } }, routes: { standard: ['a'] } },
    );
    const url = await listening(nodeStatusHandler(router));
    await sendChat(router);
    expect((await statusCommand([url, '--once'])).output).toContain(`cost ${shown}\n`);
  });

  it('redraws until it is ended', async () => {
    const url = await listening(nodeStatusHandler(build({ a: answer() }).router));
    const controller = new AbortController();
    const written: string[] = [];
    const write = (text: string) => {
      written.push(text);
      if (written.length === 2) controller.abort();
    };
    expect(await statusCommand([url], { write, signal: controller.signal })).toEqual({ code: 0, output: '' });
    expect(written).toHaveLength(2);
    expect(written[1]?.startsWith('\u001b[H\u001b[JModel router: process')).toBe(true);
  });

  it('sends headers', async () => {
    const page = nodeStatusHandler(build({ a: answer() }).router);
    const url = await listening((request, response) => {
      if (request.headers.authorization === 'Bearer x') page(request, response);
      else response.writeHead(401).end();
    });
    expect(await statusCommand([url, '--once'])).toEqual({
      code: 1,
      output: `${url}/status.json answered with HTTP 401.`,
    });
    expect(await statusCommand([url, '--header', 'Authorization: Bearer x'])).toMatchObject({ code: 0 });
  });

  it('reports a server that does not answer, or is something else', async () => {
    expect(await statusCommand(['http://127.0.0.1:1/status'])).toMatchObject({
      code: 1,
      output: expect.stringContaining('http://127.0.0.1:1/status/status.json gives no status: '),
    });
    const url = await listening((_, response) => response.end('<html>'));
    expect(await statusCommand([url])).toMatchObject({ code: 1, output: expect.stringContaining('gives no status') });
  });

  it.each<[string, string[], string]>([
    ['no URL', [], 'URL: "" is not allowed; give the address of a status page'],
    ['a path', ['status'], 'URL: "status" is not allowed'],
    ['another protocol', ['file:///etc/passwd'], 'URL: "file:///etc/passwd" is not allowed'],
    [
      'a header without a name, without showing it',
      ['http://x', '--header', 'sk-secret'],
      '--header: "number 1" is not allowed',
    ],
  ])('refuses %s', async (_, args, message) => {
    const { code, output } = await statusCommand(args);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).not.toContain('sk-secret');
  });
});
