import { InvalidOptionError } from '../errors.js';
import { checkKeys, checkNumber, checkOneOf, checkRecord, checkString, invalidOption, MAX_MS } from '../util/check.js';

/** What processes share. */
export interface ShareOptions {
  /** Spend budgets. @default true */
  budgets?: boolean | undefined;
  /** `rpm` and `tpm` of deployments. @default true */
  rates?: boolean | undefined;
  /** Pauses that servers request, and clients whose key or quota is refused. @default true */
  pauses?: boolean | undefined;
  /**
   * `'hint'`: if a breaker has opened in another process, one failure in this process opens its own. @default 'hint'
   */
  breakers?: 'hint' | false | undefined;
}

/** Options of `redisFleet` and `fleet`. */
export interface FleetOptions {
  /** Processes with the same name share; others on the same Redis do not. Letters, digits and `. _ -`, at most 64. */
  name: string;
  /** How often a process exchanges data with the others, in milliseconds. @default 1000 */
  heartbeatMs?: number | undefined;
  /** The longest that a call waits for Redis, in milliseconds. @default 100 */
  timeoutMs?: number | undefined;
  /** What processes share. @default everything; breakers as a hint */
  share?: ShareOptions | undefined;
  /**
   * When Redis does not answer: with `'share'`, each process may spend its part of `outageShare`; with `'refuse'`, only
   * its current allowance; with `'allow'`, everything. @default 'share'
   */
  whenDown?: 'share' | 'refuse' | 'allow' | undefined;
  /** The part of what is left that all processes together may spend while Redis is down, from 0 to 0.5. @default 0.05 */
  outageShare?: number | undefined;
  /**
   * The allowance of a killed process: `'count'` counts it as spent until the budget's window ends, `'return'` releases
   * it after ten heartbeats, and overspends if the process is still alive. @default 'count'
   */
  lost?: 'count' | 'return' | undefined;
}

export interface FleetSettings {
  readonly name: string;
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
  readonly share: {
    readonly budgets: boolean;
    readonly rates: boolean;
    readonly pauses: boolean;
    readonly breakers: 'hint' | false;
  };
  readonly whenDown: 'share' | 'refuse' | 'allow';
  readonly outageShare: number;
  readonly lost: 'count' | 'return';
}

const MAX_NAME = 64;

/** Throws InvalidOptionError. */
function checkName(option: string, value: unknown): string {
  if (value === undefined)
    throw new InvalidOptionError(
      option,
      "it is required, so that environments on one Redis do not mix; give a name such as 'checkout-prod'.",
    );
  const what = `a name such as 'checkout-prod': letters, digits and . _ -, at most ${MAX_NAME}`;
  const name = checkString(option, value, what);
  return /^[\w.-]+$/.test(name) && name.length <= MAX_NAME ? name : invalidOption(option, name, what);
}

/** Throws InvalidOptionError. */
export function checkFleet(path: string, value: unknown): FleetSettings {
  const given = checkRecord(path, value ?? {}, "an object such as { name: 'checkout-prod' }");
  checkKeys(
    path,
    given,
    ['name', 'heartbeatMs', 'timeoutMs', 'share', 'whenDown', 'outageShare', 'lost'],
    'docs/fleet.md',
  );
  const { heartbeatMs = 1000, timeoutMs = 100, whenDown = 'share', outageShare = 0.05, lost = 'count' } = given;
  const ms = (least: number, most: number) => ({ least, most, what: `milliseconds, ${least} to ${most}` });
  return {
    name: checkName(`${path}.name`, given.name),
    heartbeatMs: checkNumber(`${path}.heartbeatMs`, heartbeatMs, ms(50, 60_000)),
    timeoutMs: checkNumber(`${path}.timeoutMs`, timeoutMs, ms(1, 60_000)),
    share: checkShare(`${path}.share`, given.share),
    whenDown: checkOneOf(`${path}.whenDown`, whenDown, ['share', 'refuse', 'allow']),
    outageShare: checkNumber(`${path}.outageShare`, outageShare, {
      least: 0,
      most: 0.5,
      what: 'a share from 0 to 0.5',
    }),
    lost: checkOneOf(`${path}.lost`, lost, ['count', 'return']),
  };
}

function checkShare(path: string, value: unknown): FleetSettings['share'] {
  const given = checkRecord(path, value ?? {}, 'an object such as { budgets: true }');
  checkKeys(path, given, ['budgets', 'rates', 'pauses', 'breakers']);
  const flag = (name: string, each: unknown = true) =>
    typeof each === 'boolean' ? each : invalidOption(`${path}.${name}`, each, 'true or false');
  const { breakers = 'hint' } = given;
  if (breakers !== 'hint' && breakers !== false) invalidOption(`${path}.breakers`, breakers, "'hint' or false");
  return {
    budgets: flag('budgets', given.budgets),
    rates: flag('rates', given.rates),
    pauses: flag('pauses', given.pauses),
    breakers,
  };
}

/** Options of `redisCache`. */
export interface RedisCacheOptions {
  /** Processes with the same name share answers. Letters, digits and `. _ -`, at most 64. */
  name: string;
  /** The longest that a call waits for Redis, in milliseconds. @default 100 */
  timeoutMs?: number | undefined;
}

/** Throws InvalidOptionError. */
export function checkRedisCache(path: string, value: unknown): { name: string; timeoutMs: number } {
  const given = checkRecord(path, value ?? {}, "an object such as { name: 'checkout-prod' }");
  checkKeys(path, given, ['name', 'timeoutMs']);
  const { timeoutMs = 100 } = given;
  return {
    name: checkName(`${path}.name`, given.name),
    timeoutMs: checkNumber(`${path}.timeoutMs`, timeoutMs, {
      least: 1,
      most: 60_000,
      what: 'milliseconds, 1 to 60000',
    }),
  };
}

/** Throws InvalidOptionError. */
export function checkLocal(path: string, value: unknown): { localMs: number } {
  const given = checkRecord(path, value ?? {}, 'an object such as { localMs: 60_000 }');
  checkKeys(path, given, ['localMs']);
  const { localMs = 60_000 } = given;
  return { localMs: checkNumber(`${path}.localMs`, localMs, { above: 0, most: MAX_MS, what: 'milliseconds above 0' }) };
}
