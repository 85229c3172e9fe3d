import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { InvalidOptionError } from '../errors.js';
import { type CommandResult, WrongArgument, withArguments } from './command.js';
import { loadRouter } from './load-router.js';

const HELP = `model-router explain CONFIG BODY: what would a call do?

CONFIG is a module (.js, .mjs, .cjs, .ts) whose default export is a router, or the options of one. BODY is the body of a
request, as JSON or as the path of a JSON file. Nothing is sent. The exit code is 1 if the call would be refused.

  --options JSON   options of the call, such as '{"priority":"premium"}'
  --json           as JSON
  --help`;

const OPTIONS = {
  options: { type: 'string', default: '{}' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** `model-router explain`: the plan for a call, without making it. */
export function explainCommand(args: readonly string[]): Promise<CommandResult> {
  return withArguments('explain', async () => {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.help) return { code: 0, output: HELP };
    const [file, body, ...rest] = positionals;
    if (file === undefined || body === undefined || rest.length > 0)
      throw new WrongArgument('CONFIG BODY', positionals.join(' '), 'the path of a module, and the body of a request');
    const given = objectOf('BODY', textOf(body));
    const options = objectOf('--options', values.options);
    const router = await loadRouter(file);
    try {
      const explanation = router.explain(given, options);
      const code = explanation.refusal === null ? 0 : 1;
      return { code, output: values.json ? JSON.stringify(explanation, null, 2) : String(explanation) };
    } catch (error) {
      if (error instanceof InvalidOptionError) return { code: 1, output: error.message };
      throw error;
    } finally {
      await router.close();
    }
  });
}

/** The text itself, or that of a file. */
function textOf(body: string): string {
  if (body.trimStart().startsWith('{')) return body;
  if (existsSync(body)) return readFileSync(body, 'utf8');
  if (/^\S+\.json$/.test(body)) throw new WrongArgument('BODY', body, 'the path of a file that exists');
  return body;
}

function objectOf(argument: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The message below suffices.
  }
  throw new WrongArgument(argument, text, 'a JSON object, or the path of a file that holds one', { isSecret: true });
}
