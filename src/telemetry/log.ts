import { ignoreRejection } from '../util/ignore-rejection.js';
import { escapeControls, shown } from '../util/shown.js';
import type { CallRecord } from './record-types.js';

/** The SDK's own shape of a logger. */
export interface Logger {
  error: (message: string, ...rest: unknown[]) => void;
  warn: (message: string, ...rest: unknown[]) => void;
  info: (message: string, ...rest: unknown[]) => void;
  debug: (message: string, ...rest: unknown[]) => void;
}

/** The SDK's own log levels. */
export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug';

const RANK: Readonly<Record<LogLevel, number>> = { off: 0, error: 1, warn: 2, info: 3, debug: 4 };

/** Writes the router's log: one line per call at `info`; state changes and slow attempts at `warn`; hints at `debug`. No key, no prompt, no upstream text. */
export class Log {
  constructor(
    readonly logger: Logger,
    readonly level: LogLevel,
  ) {}

  /** Whether warnings are written; if not, callers skip the work that only a warning needs. */
  get warns(): boolean {
    return RANK[this.level] >= RANK.warn;
  }

  call(record: CallRecord, error: { name: string; code: string | null } | null): void {
    if (RANK[this.level] < RANK.info) return;
    const tried = record.attempts.map((each) => `${each.deployment}:${each.outcome}`).join(' ');
    const result = error === null ? 'ok' : `failed error=${error.code ?? error.name}`;
    this.#write(
      'info',
      `${record.id} ${result} route=${record.route ?? '-'} deployment=${record.deployment ?? '-'} ` +
        `requested=${nameOf(record.requestedModel)} served=${nameOf(record.servedModel)} attempts=${record.attempts.length} ` +
        `[${tried}] ${record.durationMs.toFixed(0)}ms tokens=${record.usage?.inputTokens ?? '-'}+${record.usage?.outputTokens ?? '-'} ` +
        `cost=${record.costUsd === null ? 'unknown' : `$${record.costUsd.toFixed(6)}`}`,
    );
  }

  /** Written at `debug`, because at `info` a call has one line, which shows that its cost is unknown. */
  hint(line: string): void {
    this.#write('debug', line);
  }

  warn(line: string): void {
    this.#write('warn', line);
  }

  #write(level: 'warn' | 'info' | 'debug', line: string): void {
    if (RANK[this.level] < RANK[level]) return;
    try {
      ignoreRejection(this.logger[level](escapeControls(`model-router ${line}`)));
    } catch {
      // A logger's error must not fail the call.
    }
  }
}

const nameOf = (value: string | null) => (value === null ? '-' : shown(value));
