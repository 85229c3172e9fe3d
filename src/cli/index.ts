#!/usr/bin/env node
import { createRequire } from 'node:module';
import { type CommandResult, costCommand } from './cost-command.js';

const HELP = `model-router COMMAND

  cost     what a month of tokens will cost, by stage of growth

model-router COMMAND --help says more, model-router --version which version this is.`;

const COMMANDS: ReadonlyMap<string, (args: readonly string[]) => CommandResult> = new Map([['cost', costCommand]]);

function main([name = '--help', ...rest]: readonly string[]): CommandResult {
  if (name === '--help' || name === '-h') return { code: 0, output: HELP };
  if (name === '--version' || name === '-v') return { code: 0, output: version() };
  const command = COMMANDS.get(name);
  if (command !== undefined) return command(rest);
  return { code: 2, output: `model-router: there is no command ${JSON.stringify(name)}.\n${HELP}` };
}

/** Of the package by its own name: it is the same file wherever this one has been built to. */
function version(): string {
  const { version }: { version: string } = createRequire(import.meta.url)('model-router/package.json');
  return version;
}

const { code, output } = main(process.argv.slice(2));
(code === 0 ? process.stdout : process.stderr).write(`${output}\n`);
process.exitCode = code;
