import { InvalidOptionError } from '../errors.js';
import { DEFAULT_DOWNTIME, type DowntimeRule } from '../state/service-history.js';
import { checkKeys, checkMs, checkNumber, checkRecord, checkWhole, invalidOption } from '../util/check.js';
import type { SlaOptions } from './options.js';

/** A checked `sla` with its defaults filled in. */
export interface SlaConfig {
  /** The share of calls that must be answered; `undefined` if it is not set. */
  readonly uptime: number | undefined;
  /** The time within which 99 % of the answers must come; `undefined` if it is not set. */
  readonly p99Ms: number | undefined;
  readonly minFailures: number;
  readonly downtime: DowntimeRule;
}

/** Throws InvalidOptionError. */
export function checkSla(path: string, value: unknown): SlaConfig | undefined {
  if (value === undefined) return undefined;
  const given: SlaOptions = checkRecord(path, value, 'an object such as { uptime: 0.999, p99Ms: 500 }');
  checkKeys(path, given, ['uptime', 'p99Ms', 'minFailures', 'downtime']);
  const { uptime, p99Ms, minFailures = 5, downtime = {} } = given;
  if (uptime === undefined && p99Ms === undefined)
    throw new InvalidOptionError(path, 'it promises nothing; give `uptime`, `p99Ms`, or both.');
  if (uptime !== undefined) checkUptime(`${path}.uptime`, uptime);
  if (p99Ms !== undefined) checkMs(`${path}.p99Ms`, p99Ms);
  checkRecord(`${path}.downtime`, downtime, 'an object such as { minAttempts: 5, failedShare: 0.5 }');
  checkKeys(`${path}.downtime`, downtime, ['minAttempts', 'failedShare']);
  const { minAttempts = DEFAULT_DOWNTIME.minAttempts, failedShare = DEFAULT_DOWNTIME.failedShare } = downtime;
  return {
    uptime,
    p99Ms,
    minFailures: checkWhole(`${path}.minFailures`, minFailures, 1),
    downtime: {
      minAttempts: checkWhole(`${path}.downtime.minAttempts`, minAttempts, 1),
      failedShare: checkNumber(`${path}.downtime.failedShare`, failedShare, {
        above: 0,
        most: 1,
        what: 'a share above 0, at most 1',
      }),
    },
  };
}

function checkUptime(path: string, value: unknown): void {
  if (typeof value === 'number' && value > 1 && value < 100)
    invalidOption(path, value, `a share, not per cent: ${Number((value / 100).toFixed(8))}`);
  if (value === 1)
    invalidOption(path, value, 'a share below 1: a promise of 100 % leaves no error budget to watch, as in 0.999');
  checkNumber(path, value, { above: 0, most: 1, what: 'a share above 0 and below 1, as in 0.999' });
}
