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
 */
export function pinoLogger(pino: PinoLike): Logger {
  return loggerOf((level, message, rest) => pino[level](detailsOf(rest), message));
}

/**
 * Converts a winston logger for the option `logger`.
 *
 * @example
 * new ModelRouter({ ...options, logger: winstonLogger(winston.createLogger(settings)), logLevel: 'info' });
 */
export function winstonLogger(winston: WinstonLike): Logger {
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
