import { checkKeys, checkNumber, checkRecord, checkString, invalidOption } from '../util/check.js';
import type { AnswerOptions, AnswerUsage, ErrorFields, Timing, ToolCall } from './behaviours.js';

type Check = (option: string, value: unknown) => unknown;

const PAGE = 'docs/testing.md';

const TIMING = keysOf<Timing>({ latencyMs: true, ignoreAbort: true, headers: true });

const ANSWER = keysOf<AnswerOptions & { type: unknown }>({
  content: true,
  chunks: true,
  chunkMs: true,
  latencyMs: true,
  usage: true,
  toolCalls: true,
  reasoning: true,
  refusal: true,
  finishReason: true,
  logprob: true,
  servedModel: true,
  body: true,
  headers: true,
  ignoreAbort: true,
  // A good answer may be the options of a broken one: `cut(good)`.
  type: true,
});

const ERROR = keysOf<ErrorFields>({ code: true, type: true, message: true, param: true });

const USAGE = keysOf<AnswerUsage>({
  inputTokens: true,
  outputTokens: true,
  cachedInputTokens: true,
  reasoningTokens: true,
  extra: true,
});

const TOOL_CALL = keysOf<ToolCall>({ name: true, arguments: true, id: true });

const time: Check = (option, value) => {
  if (typeof value !== 'function')
    checkNumber(option, value, { least: 0, what: 'milliseconds of at least 0, or a function that draws them' });
};

const size: Check = (option, value) => checkNumber(option, value, { least: 0, what: 'a number of at least 0' });

const text: Check = (option, value) => {
  if (typeof value !== 'string') invalidOption(option, value, 'a text');
};

const status: Check = (option, value) =>
  checkNumber(option, value, { least: 200, most: 599, whole: true, what: 'an HTTP status from 200 to 599' });

/** What each option may be, whichever function takes it. Options that are not here may be anything. */
const VALUES: Readonly<Record<string, Check>> = {
  latencyMs: time,
  chunkMs: time,
  headers: (option, value) => checkRecord(option, value),
  status,
  content: (option, value) => {
    if (typeof value !== 'function' && typeof value !== 'string')
      invalidOption(option, value, 'a text, or a function of the request that returns one');
  },
  chunks: (option, value) => Array.isArray(value) || size(option, value),
  reasoning: text,
  refusal: text,
  servedModel: text,
  toolCalls: (option, value) => {
    if (!Array.isArray(value)) invalidOption(option, value, 'an array such as [{ name, arguments }]');
    value.forEach((each: unknown, i) => {
      const call = checkRecord(`${option}[${i}]`, each);
      checkKeys(`${option}[${i}]`, call, TOOL_CALL, PAGE);
      checkString(`${option}[${i}].name`, call.name);
    });
  },
  usage: (option, value) => {
    if (value !== false)
      checkKeys(option, checkRecord(option, value, 'an object such as { inputTokens }, or false'), USAGE, PAGE);
  },
  error: (option, value) => checkKeys(option, checkRecord(option, value), ERROR, PAGE),
  afterChunks: size,
  atByte: size,
  cutAt: size,
  bytesPerMs: (option, value) => checkNumber(option, value, { above: 0, what: 'a number above 0' }),
  count: size,
  stepMs: size,
  ms: size,
  bytes: size,
};

function keysOf<T>(keys: Record<keyof T, true>): string[] {
  return Object.keys(keys);
}

function check(name: string, options: unknown, allowed: readonly string[]): void {
  const record = checkRecord(name, options);
  checkKeys(name, record, allowed, PAGE);
  for (const [key, value] of Object.entries(record)) {
    if (value !== undefined) VALUES[key]?.(`${name}.${key}`, value);
  }
}

/**
 * Checks the options of a behaviour, because plain JavaScript has no types that would.
 *
 * @param more its own options, beside those of every behaviour
 * @throws InvalidOptionError
 */
export function checkTiming(name: string, options: unknown, more: readonly string[] = []): void {
  check(name, options, [...more, ...TIMING]);
}

/** The same for a behaviour that sends an answer. */
export function checkAnswer(name: string, options: unknown, more: readonly string[] = []): void {
  check(name, options, [...more, ...ANSWER]);
}

/** The same for `fail`. */
export function checkFail(given: unknown, options: unknown): void {
  status('fail.status', given);
  check('fail', options, [...ERROR, 'body', ...TIMING]);
}
