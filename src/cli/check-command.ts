import { parseArgs } from 'node:util';
import { escapeControls } from '../util/shown.js';
import { textTable } from '../util/text-table.js';
import { type CommandResult, WrongArgument, withArguments } from './command.js';
import { loadRouter } from './load-router.js';

const HELP = `model-router check CONFIG: does each deployment work?

CONFIG is a module (.js, .mjs, .cjs, .ts) whose default export is a router, or the options of one. Each deployment is
sent one request for one token. The exit code is 1 if one does not work.

  --json   as JSON
  --help`;

const OPTIONS = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** `model-router check`: one line for each deployment of a configuration. */
export function checkCommand(args: readonly string[]): Promise<CommandResult> {
  return withArguments('check', async () => {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.help) return { code: 0, output: HELP };
    const [file, ...rest] = positionals;
    if (file === undefined || rest.length > 0)
      throw new WrongArgument('CONFIG', positionals.join(' '), 'the path of one module');
    const router = await loadRouter(file);
    try {
      const results = await router.check();
      const code = results.every(({ ok }) => ok) ? 0 : 1;
      if (values.json) return { code, output: JSON.stringify(results, null, 2) };
      if (results.length === 0) return { code, output: 'The configuration lists no deployments.' };
      const rows = results.map(({ deployment, ok, latencyMs, servedModel, error }) => [
        ok ? 'ok' : 'FAILED',
        deployment,
        `${Math.round(latencyMs)} ms`,
        (ok ? servedModel : error?.message) ?? '',
      ]);
      return {
        code,
        output: escapeLines(textTable([['', 'deployment', 'latency', 'served model, or what is wrong'], ...rows])),
      };
    } finally {
      await router.close();
    }
  });
}

/** Names come from providers, and must not move the cursor. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n');
}
