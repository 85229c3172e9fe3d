/** The parts that need Node: files. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { InvalidOptionError } from '../errors.js';
import type { RouterState, StateStore } from '../state/router-state.js';

const ENDING = '.state.json';
/** A file that was not written for so long belongs to an ended process. By now the other files contain its data. */
const ABANDONED_MS = 24 * 3_600_000;

type SpendEntry = RouterState['processes'][string]['spend'][number];

/**
 * Stores a router's state in files of a directory, one for each process: counts of service levels, and spending. All of
 * them are read when the router makes its first call. Its own file is written at most every ten seconds, and before
 * money is spent; `close()` writes it once more. Files hold no key and no prompt, but the names of tenants.
 *
 * @example
 * const router = new ModelRouter({ ...options, state: fileState('/var/lib/my-app/router') });
 * @throws InvalidOptionError
 */
export function fileState(directory: string): StateStore {
  if (typeof directory !== 'string' || directory === '')
    throw new InvalidOptionError('fileState', 'give the path of a directory.');
  let abandoned: string[] = [];
  const pathOf = (process: string) => join(directory, `${process}${ENDING}`);

  return {
    load(warn) {
      mkdirSync(directory, { recursive: true });
      abandoned = [];
      return readdirSync(directory)
        .filter((name) => name.endsWith(ENDING))
        .flatMap((name) => {
          const path = join(directory, name);
          try {
            const process = name.slice(0, -ENDING.length);
            const state = parse(readFileSync(path, 'utf8'), process);
            if (Date.now() - writtenAt(state, process) > ABANDONED_MS) abandoned.push(path);
            return [state];
          } catch (error) {
            // Another process may just have removed it.
            if (existsSync(path)) warn(`${path} cannot be read: ${error instanceof Error ? error.message : 'unknown'}`);
            return [];
          }
        });
    },
    save(process, state) {
      const path = pathOf(process);
      const temporary = `${path}.tmp`;
      writeFileSync(temporary, `${JSON.stringify(state)}\n`, { mode: 0o600 });
      renameSync(temporary, path);
      for (const each of abandoned) rmSync(each, { force: true });
      abandoned = [];
    },
    append(process, entry) {
      appendFileSync(pathOf(process), `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    },
  };
}

/** When the process itself wrote the file; `NaN` if unknown, and the file is then left alone. */
function writtenAt({ processes }: RouterState, process: string): number {
  return Date.parse(processes[process]?.at ?? '');
}

/** A state, and a line for each entry added to it. The last line may be cut off: then the process has not used it. */
function parse(text: string, process: string): RouterState {
  const [first = '', ...lines] = text.split('\n');
  const state = JSON.parse(first) as RouterState;
  const own = state.processes[process];
  const added = lines.slice(0, -1).map((line) => JSON.parse(line) as SpendEntry);
  if (own === undefined || added.length === 0) return state;
  const entries = new Map([...own.spend, ...added].map((entry) => [JSON.stringify(entry.slice(0, 3)), entry]));
  // Newer than the information of other files about this process.
  own.seq += added.length / (added.length + 1);
  own.spend = [...entries.values()];
  return state;
}
