import { InvalidOptionError } from '../errors.js';
import { isRecord } from '../util/is-record.js';
import type { ServiceState } from './service-level.js';
import type { SpendEntry } from './spend-ledger.js';

/** What one process has counted and spent. */
export interface ProcessState {
  /** Higher is newer. */
  seq: number;
  /** ISO 8601: when it was written. */
  at: string;
  deployments: Record<string, ServiceState>;
  routes: Record<string, ServiceState>;
  spend: SpendEntry[];
}

/** What a router remembers over restarts, as plain JSON: of each process its own part, so that merging twice changes nothing. */
export interface RouterState {
  version: 1;
  processes: Record<string, ProcessState>;
}

/** Where a router's state is stored. Each process stores its own; all are read when a router makes its first call. */
export interface StateStore {
  /** What all processes have stored. Unreadable parts are skipped, and reported to `warn`. */
  load(warn: (line: string) => void): readonly unknown[];
  /** Stores the state of one process in place of what it has stored before. */
  save(process: string, state: RouterState): void;
  /** Adds one entry to what the process has stored: the latest of a budget, tenant and time counts. Before it returns, it is stored. */
  append(process: string, entry: SpendEntry): void;
}

/** Checks what may come from a file. Throws InvalidOptionError. */
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
