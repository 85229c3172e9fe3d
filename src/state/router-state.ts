import { InvalidOptionError } from '../errors.js';
import { isRecord } from '../util/is-record.js';
import type { ServiceState } from './service-level.js';
import type { SpendEntry } from './spend-account.js';

/** The counts and spending of one process. */
export interface ProcessState {
  /** Higher is newer. */
  seq: number;
  /** When it was written, in ISO 8601. */
  at: string;
  deployments: Record<string, ServiceState>;
  routes: Record<string, ServiceState>;
  spend: SpendEntry[];
}

/**
 * The state that a router keeps across restarts, as plain JSON. Each process has its own part, so merging twice changes
 * nothing.
 */
export interface RouterState {
  version: 1;
  processes: Record<string, ProcessState>;
}

/**
 * Where a router's state is stored. Each process stores its own part; all parts are read when a router makes its first
 * call.
 */
export interface StateStore {
  /** Returns the parts of all processes. Unreadable parts are skipped, and reported to `warn`. */
  load(warn: (line: string) => void): readonly unknown[];
  /** Stores the state of one process, and replaces its earlier state. */
  save(process: string, state: RouterState): void;
  /**
   * Adds one entry to the stored state of a process. The latest entry for a budget, tenant and time counts. The entry
   * must be stored before this returns.
   */
  append(process: string, entry: SpendEntry): void;
}

/** Checks a state that may come from a file. Throws InvalidOptionError. */
export function checkState(option: string, value: unknown): RouterState {
  const isState = isRecord(value) && value.version === 1 && isRecord(value.processes);
  if (!isState || !Object.values(value.processes as object).every(isProcess))
    throw new InvalidOptionError(option, 'give what `exportState()` has returned, as it is or parsed from JSON.');
  return value as unknown as RouterState;
}

function isProcess(value: unknown): value is ProcessState {
  if (!isRecord(value) || typeof value.seq !== 'number' || typeof value.at !== 'string') return false;
  const { deployments, routes, spend } = value;
  if (!isRecord(deployments) || !isRecord(routes) || !Array.isArray(spend)) return false;
  return [...Object.values(deployments), ...Object.values(routes)].every(isService) && spend.every(isEntry);
}

function isService(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { hour, day, month, latency, downtime, provider } = value;
  const rows = (list: unknown, length: number) => Array.isArray(list) && list.every((row) => areNumbers(row, length));
  const pairs = (list: unknown, isSecond: (second: unknown) => boolean) =>
    Array.isArray(list) &&
    list.every((each: unknown) => Array.isArray(each) && typeof each[0] === 'number' && isSecond(each[1]));
  return (
    [hour, day, month].every((list) => rows(list, 6)) &&
    pairs(latency, (counts) => rows(counts, 2)) &&
    rows(downtime, 2) &&
    pairs(provider, isRecord)
  );
}

function isEntry(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [budget, tenant, at, amount]: unknown[] = value;
  return typeof budget === 'string' && (tenant === null || typeof tenant === 'string') && areNumbers([at, amount], 2);
}

function areNumbers(row: unknown, length: number): boolean {
  return Array.isArray(row) && row.length === length && row.every((each) => Number.isFinite(each));
}
