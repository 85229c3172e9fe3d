import type { Logger } from './log.js';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];

/** As much of pino's logger as is used: an object, then the message. */
export type PinoLike = Record<Level, (details: object, message: string) => unknown>;

/** As much of winston's logger as is used. */
export interface WinstonLike {
  log(entry: { level: string; message: string; [key: string]: unknown }): unknown;
}

/**
 * A pino logger as the option `logger`.
 *
 * @example
 * new ModelRouter({ ...options, logger: pinoLogger(pino()), logLevel: 'info' });
 */
export function pinoLogger(pino: PinoLike): Logger {
  return loggerOf((level, message, rest) => pino[level](detailsOf(rest), message));
}

/**
 * A winston logger as the option `logger`.
 *
 * @example
 * new ModelRouter({ ...options, logger: winstonLogger(winston.createLogger(settings)), logLevel: 'info' });
 */
export function winstonLogger(winston: WinstonLike): Logger {
  return loggerOf((level, message, rest) => winston.log({ ...detailsOf(rest), level, message }));
}

/** What the SDK adds to its own lines. */
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
