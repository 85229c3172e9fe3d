#!/usr/bin/env node
import { type CommandResult, costCommand } from './cost-command.js';

const HELP = `model-router COMMAND

  cost     what a month of tokens will cost, by stage of growth

model-router COMMAND --help says more.`;

const COMMANDS: ReadonlyMap<string, (args: readonly string[]) => CommandResult> = new Map([['cost', costCommand]]);

function main([name = '--help', ...rest]: readonly string[]): CommandResult {
  if (name === '--help' || name === '-h') return { code: 0, output: HELP };
  const command = COMMANDS.get(name);
  if (command !== undefined) return command(rest);
  return { code: 2, output: `model-router: there is no command ${JSON.stringify(name)}.\n${HELP}` };
}

const { code, output } = main(process.argv.slice(2));
(code === 0 ? process.stdout : process.stderr).write(`${output}\n`);
process.exitCode = code;
