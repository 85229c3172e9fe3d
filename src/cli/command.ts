/** A command's output and exit code: 0 for success, 1 if something does not work, 2 for an invalid argument. */
export interface CommandResult {
  readonly code: 0 | 1 | 2;
  readonly output: string;
}

/** The message names the argument, its value unless that may be a prompt, and the allowed values. */
export class WrongArgument extends Error {
  constructor(argument: string, value: string, allowed: string, { isSecret = false } = {}) {
    const shown = isSecret ? `a text of ${value.length} characters` : JSON.stringify(value);
    super(`${argument}: ${shown} is not allowed; give ${allowed}.`);
  }
}

export function isOfParseArgs(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_');
}

/** Runs a command. An invalid argument is a result, not an error. */
export async function withArguments(name: string, run: () => Promise<CommandResult>): Promise<CommandResult> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof WrongArgument) && !isOfParseArgs(error)) throw error;
    return { code: 2, output: `model-router ${name}: ${error.message}\nSee model-router ${name} --help.` };
  }
}
