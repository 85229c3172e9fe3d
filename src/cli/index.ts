#!/usr/bin/env node
import { createRequire } from 'node:module';
import { checkCommand } from './check-command.js';
import type { CommandResult } from './command.js';
import { costCommand } from './cost-command.js';
import { explainCommand } from './explain-command.js';
import { type Screen, statusCommand } from './status-command.js';

const HELP = `model-router COMMAND

  check    does each deployment of a configuration work?
  explain  what would a call do under a configuration?
  status   a live table of a running router
  cost     what a month of tokens will cost, by stage of growth

model-router COMMAND --help says more, model-router --version which version this is.`;

/** Only on a terminal. It ends with the process, by Ctrl-C. */
const screen: Screen | undefined = process.stdout.isTTY
  ? { write: (text) => process.stdout.write(text), signal: new AbortController().signal }
  : undefined;

type Command = (args: readonly string[]) => CommandResult | Promise<CommandResult>;
const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['check', checkCommand],
  ['explain', explainCommand],
  ['status', (args) => statusCommand(args, screen)],
  ['cost', costCommand],
]);

async function main([name = '--help', ...rest]: readonly string[]): Promise<CommandResult> {
  if (name === '--help' || name === '-h') return { code: 0, output: HELP };
  if (name === '--version' || name === '-v') return { code: 0, output: version() };
  const command = COMMANDS.get(name);
  if (command !== undefined) return command(rest);
  return { code: 2, output: `model-router: there is no command ${JSON.stringify(name)}.\n${HELP}` };
}

/** The package's version, read under its own name, because that works wherever this file was built to. */
function version(): string {
  const { version }: { version: string } = createRequire(import.meta.url)('model-router/package.json');
  return version;
}

/** An error of a configuration is for its author: its message, without our stack. */
const failed = (error: unknown): CommandResult => ({
  code: 1,
  output: error instanceof Error ? error.message : String(error),
});

const { code, output } = await main(process.argv.slice(2)).catch(failed);
// Resources that a configuration has opened (a pool, a server) must not keep the command running.
(code === 2 ? process.stderr : process.stdout).write(`${output}\n`, () => process.exit(code));
