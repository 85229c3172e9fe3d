import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, fail, type Models, startFakeProvider } from 'model-router/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkCommand } from '../../../src/cli/check-command.js';
import { explainCommand } from '../../../src/cli/explain-command.js';

function file(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'model-router-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** A module with options, for a provider on loopback. */
async function config(script: Models = { a: answer(), b: answer() }) {
  const provider = await startFakeProvider({ models: script, servedModels: { a: 'a-2026-11' } });
  onTestFinished(() => provider.close());
  return file(
    'config.mjs',
    `export default {
      clients: { default: { apiKey: 'sk-of-the-config', baseURL: ${JSON.stringify(provider.url)} } },
      deployments: { a: {}, b: {} },
      routes: { standard: { deployments: ['a', 'b'], maxInputTokens: 100 } },
    };`,
  );
}

describe('model-router check', () => {
  it('shows each deployment with its latency and served model', async () => {
    const { code, output } = await checkCommand([await config()]);
    expect(code).toBe(0);
    expect(output).toMatch(
      /^ +deployment +latency +served model, or what is wrong\nok +a +\d+ ms +a-2026-11\nok +b +\d+ ms/,
    );
  });

  it('reports failures, and exits with 1', async () => {
    const { code, output } = await checkCommand([await config({ a: answer(), b: fail(500) })]);
    expect(code).toBe(1);
    expect(output).toMatch(/ok +a .*\nFAILED +b +\d+ ms +.*500/);
    expect(output).not.toContain('sk-of');
  });

  it('prints JSON', async () => {
    const { output } = await checkCommand(['--json', await config()]);
    expect(JSON.parse(output)).toMatchObject([
      { deployment: 'a', ok: true, servedModel: 'a-2026-11' },
      { deployment: 'b', ok: true },
    ]);
  });

  it('accepts a router or a promise of one, and closes it', async () => {
    const router = `{ check: async () => [{ deployment: 'x', ok: true, latencyMs: 3, servedModel: 'y\\u001b[2J', error: null }], explain() {}, close() { globalThis.closedByCheck = true; } }`;
    for (const text of [`export default ${router};`, `export default Promise.resolve(${router});`]) {
      Reflect.deleteProperty(globalThis, 'closedByCheck');
      const { code, output } = await checkCommand([file('config.mjs', text)]);
      expect(code).toBe(0);
      expect(output).toContain('ok  x');
      expect(output).not.toContain('\u001b');
      expect(Reflect.get(globalThis, 'closedByCheck')).toBe(true);
    }
    Reflect.deleteProperty(globalThis, 'closedByCheck');
  });

  it('accepts CommonJS', async () => {
    const path = file('config.cjs', `module.exports = { __esModule: true, default: { apiKey: 'sk-x' } };`);
    expect(await checkCommand([path])).toEqual({ code: 0, output: 'The configuration lists no deployments.' });
  });

  it.each<[string, string[], string]>([
    ['no module', [], 'CONFIG: "" is not allowed; give the path of one module'],
    ['two modules', ['a', 'b'], 'CONFIG: "a b" is not allowed'],
    [
      'a module that does not exist',
      ['./no-such-file.mjs'],
      'CONFIG: "./no-such-file.mjs" is not allowed; give the path of a module that exists',
    ],
    ['JSON', ['package.json'], 'CONFIG: "package.json" is not allowed; give a module, such as one that exports'],
    ['an option that does not exist', ['--jason', 'x'], "Unknown option '--jason'"],
  ])('refuses %s', async (_, args, message) => {
    const { code, output } = await checkCommand(args);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).toContain('See model-router check --help.');
  });

  it('refuses a module without a configuration, and reports an invalid option as such', async () => {
    expect(await checkCommand([file('none.mjs', 'export const x = 1;')])).toMatchObject({ code: 2 });
    const wrong = file('wrong.mjs', `export default { clients: { default: { apiKey: 'k' } }, deploymants: {} };`);
    await expect(checkCommand([wrong])).rejects.toThrow('deploymants');
  });
});

describe('model-router explain', () => {
  const body = JSON.stringify({ model: 'standard', messages: [{ role: 'user', content: 'Hello!' }] });

  it('shows the plan, from JSON and from a file', async () => {
    const path = await config();
    const { code, output } = await explainCommand([path, body]);
    expect(code).toBe(0);
    expect(output).toMatch(/standard[\s\S]*a[\s\S]*b/);
    // The clock's fractions give 89999 ms or 90000.
    const plan = (text: string) => text.replace(/for at most \d+ ms/, '');
    const fromFile = await explainCommand([path, file('body.json', body)]);
    expect({ ...fromFile, output: plan(fromFile.output) }).toEqual({ code, output: plan(output) });
    const json = await explainCommand([path, body, '--json', '--options', '{"maxAttempts":1}']);
    expect(JSON.parse(json.output)).toMatchObject({ route: 'standard', maxAttempts: 1, refusal: null });
  });

  it('exits with 1 where the call would be refused, or cannot be made', async () => {
    const path = await config();
    const long = JSON.stringify({ model: 'standard', messages: [{ role: 'user', content: 'word '.repeat(1000) }] });
    const refused = await explainCommand([path, long]);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/refus/i);
    const wrong = await explainCommand([path, body, '--options', '{"route":"stadard"}']);
    expect(wrong.code).toBe(1);
    expect(wrong.output).toContain('stadard');
  });

  it.each<[string, string[], string]>([
    ['no body', ['x.mjs'], 'CONFIG BODY: "x.mjs" is not allowed'],
    [
      'a body that is not JSON, without showing it',
      ['x.mjs', '{"prompt": secret'],
      'BODY: a text of 17 characters is not allowed',
    ],
    [
      'a body whose file does not exist',
      ['x.mjs', 'no-such.json'],
      'BODY: "no-such.json" is not allowed; give the path of',
    ],
    ['invalid options', ['x.mjs', '{}', '--options', '[]'], '--options: a text of 2 characters is not allowed'],
  ])('refuses %s', async (_, args, message) => {
    const { code, output } = await explainCommand(args);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).not.toContain('secret');
  });
});
