import { InvalidOptionError } from '../errors.js';
import type { AttemptRecord, CallRecord } from '../telemetry/record-types.js';
import { show } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { nodeModule } from '../util/node-module.js';

/** One call of a recorded trace. */
export interface TracedCall {
  /** When it began, in milliseconds after the trace's first call; `null` if the trace has no times. */
  readonly atMs: number | null;
  readonly record: CallRecord;
}

/** Fields that may say when a call ended: our own first, then those of common loggers. */
const ENDED = ['endedAt', 'time', 'timestamp', '@timestamp'];

/**
 * Reads a recorded trace: JSON lines, each a record or an event of `router.on('call-ended')`, preferably with the time:
 * `JSON.stringify({ endedAt: Date.now(), ...record })`. Pass the text itself or, on Node, Bun and Deno, the path of a
 * file.
 *
 * @throws InvalidOptionError that names the line
 */
export function readTrace(source: string | URL): TracedCall[] {
  const isText = typeof source === 'string' && /^\s*(\{|$)/.test(source);
  const lines = (isText ? source : readFile(source)).split('\n');
  const read = lines.flatMap((line, index) => (line.trim() === '' ? [] : [readLine(line, index + 1)]));
  if (read.length === 0) throw new InvalidOptionError('trace', 'it is empty; give JSON lines of call records.');
  const timed = read.filter(({ startedAt }) => startedAt !== undefined).length;
  if (timed !== 0 && timed !== read.length) {
    const { line } = read.find(({ startedAt }) => startedAt === undefined) ?? { line: 0 };
    throw new InvalidOptionError(`trace line ${line}`, 'it has no `endedAt`, and other lines have one.');
  }
  const first = read.reduce((least, { startedAt = 0 }) => Math.min(least, startedAt), Number.POSITIVE_INFINITY);
  return read
    .map(({ startedAt, record }) => ({ atMs: startedAt === undefined ? null : startedAt - first, record }))
    .sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0));
}

/** Not an import, because the module must load where there are no files. */
function readFile(path: string | URL): string {
  const fs = nodeModule('node:fs');
  if (fs === undefined) throw new InvalidOptionError('trace', 'this runtime reads no files; pass the text itself.');
  return fs.readFileSync(path, 'utf8');
}

interface Line {
  readonly line: number;
  readonly startedAt: number | undefined;
  readonly record: CallRecord;
}

function readLine(text: string, line: number): Line {
  const wrong = (what: string): never => {
    throw new InvalidOptionError(`trace line ${line}`, what);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    wrong(`it is no JSON: ${error instanceof Error ? error.message : error}`);
  }
  const entry = isRecord(parsed) ? parsed : wrong(`${show(parsed)} is no call record.`);
  const record = isRecord(entry['record']) ? entry['record'] : entry;
  if (!isCallRecord(record, wrong)) return wrong('it is no call record.');
  const ended = ENDED.map((name) => entry[name]).find((value) => value !== undefined);
  if (ended === undefined) return { line, startedAt: undefined, record };
  const endedAt = typeof ended === 'number' ? ended : typeof ended === 'string' ? Date.parse(ended) : Number.NaN;
  if (!Number.isFinite(endedAt)) wrong(`endedAt: ${show(ended)} is no time; give milliseconds or ISO 8601.`);
  return { line, startedAt: endedAt - record.durationMs, record };
}

/** The fields of a record that a replay needs; the rest is not checked. */
function isCallRecord(record: unknown, wrong: (what: string) => never): record is CallRecord {
  if (!isRecord(record)) return false;
  const { attempts, durationMs } = record;
  if (!isMs(durationMs)) wrong(`durationMs: ${show(durationMs)} is no number of milliseconds.`);
  if (!Array.isArray(attempts)) return wrong(`attempts: ${show(attempts)} is no list.`);
  for (const [i, attempt] of attempts.entries()) checkAttempt(attempt, `attempts[${i}]`, wrong);
  return true;
}

function checkAttempt(
  attempt: unknown,
  path: string,
  wrong: (what: string) => never,
): asserts attempt is AttemptRecord {
  if (!isRecord(attempt)) return wrong(`${path}: ${show(attempt)} is no attempt.`);
  for (const key of ['deployment', 'outcome']) {
    if (typeof attempt[key] !== 'string') wrong(`${path}.${key}: ${show(attempt[key])} is no string.`);
  }
  for (const key of ['startedMs', 'durationMs']) {
    if (!isMs(attempt[key])) wrong(`${path}.${key}: ${show(attempt[key])} is no number of milliseconds.`);
  }
}

function isMs(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}
