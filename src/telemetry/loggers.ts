import { invalidOption } from '../util/check.js';
import type { Logger } from './log.js';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];

/** The part of pino's logger that is used: an object, then the message. */
export type PinoLike = Record<Level, (details: object, message: string) => unknown>;

/** The part of winston's logger that is used. */
export interface WinstonLike {
  log(entry: { level: string; message: string; [key: string]: unknown }): unknown;
}

/**
 * Converts a pino logger for the option `logger`.
 *
 * @example
 * new ModelRouter({ ...options, logger: pinoLogger(pino()), logLevel: 'info' });
 * @throws InvalidOptionError for anything else, such as `pino` instead of `pino()`
 */
export function pinoLogger(pino: PinoLike): Logger {
  for (const level of LEVELS)
    if (typeof pino?.[level] !== 'function') invalidOption('pinoLogger', pino, 'what pino() returns');
  return loggerOf((level, message, rest) => pino[level](detailsOf(rest), message));
}

/**
 * Converts a winston logger for the option `logger`.
 *
 * @example
 * new ModelRouter({ ...options, logger: winstonLogger(winston.createLogger(settings)), logLevel: 'info' });
 * @throws InvalidOptionError for anything else
 */
export function winstonLogger(winston: WinstonLike): Logger {
  if (typeof winston?.log !== 'function') invalidOption('winstonLogger', winston, 'what createLogger() returns');
  return loggerOf((level, message, rest) => winston.log({ ...detailsOf(rest), level, message }));
}

/** The details that the SDK adds to its own lines. */
function detailsOf(rest: readonly unknown[]): object {
  return rest.length === 0 ? {} : { details: rest.length === 1 ? rest[0] : rest };
}

function loggerOf(write: (level: Level, message: string, rest: readonly unknown[]) => unknown): Logger {
  const at =
    (level: Level) =>
    (message: string, ...rest: unknown[]) =>
      void write(level, message, rest);
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}
