import type { ErrorOutcome } from './error-outcomes.js';
import {
  BASE_RESP,
  CALLER_CODE,
  CODE_PATTERNS,
  CODES,
  GATEWAY_NUMBERS,
  NARROW_BUDGET,
  NUMBERS,
  REFUSED_PROMPT,
  SERVER_CODE,
  SHORT_LIMIT,
  STORED_CODE,
  STORED_WORDING,
  WORDINGS,
} from './provider-errors.js';
import { type ErrorFacts, plainWords } from './read-error.js';

/** The meaning of an error. */
export interface Classification {
  readonly outcome: ErrorOutcome;
  /**
   * Only the error's text says so: it applies to this call, and changes no shared state, because a server may quote the
   * caller's own text.
   */
  readonly isFromText: boolean;
}

export interface ErrorContext {
  /** The HTTP status; `undefined` for an error inside a 200 or a stream. */
  readonly status: number | undefined;
  readonly hasRetryAfter: boolean;
  /** Whether the request names a stored object. */
  readonly namesStored: boolean;
}

/** 400 and similar statuses: they only say that the request was refused. */
const VAGUE = new Set([400, 411, 413, 414, 415, 422, 431]);
const SERVER_STATUSES = new Set([408, 409, 421, 423, 424, 425, 499]);

const isVague = (status: number | undefined) => status === undefined || VAGUE.has(status);
const blamesServer = (status: number | undefined) =>
  status !== undefined && (status >= 500 || SERVER_STATUSES.has(status));

/**
 * Reads an error in this order: codes and types, wordings, the status. Returns `undefined` without a status and without
 * known facts.
 */
export function classificationOf(facts: ErrorFacts, context: ErrorContext): Classification | undefined {
  const status = statusOf(facts, context.status);
  const byCode = outcomeOfCodes(facts, context.status);
  const words = wordsOf(facts);
  const namesStored = status === 404 && (context.namesStored || STORED_WORDING.test(words));
  if (facts.codes.some((code) => STORED_CODE.test(code))) return classification('caller-error');
  const isRefusedPrompt = byCode === 'forbidden' && REFUSED_PROMPT.test(words);
  if (byCode !== undefined && !isRefusedPrompt && !isDenied(byCode, context.status)) {
    // A limit that ends within a minute, whatever its code.
    const isShort = context.hasRetryAfter || SHORT_LIMIT.test(words);
    if (facts.codes.includes('budgetexceeded') && NARROW_BUDGET.test(words)) return classification('forbidden');
    return classification(byCode === 'unauthorized' && isQuota(facts) && isShort ? 'rate-limited' : byCode);
  }
  const byWords = outcomeOfWords(facts, words, status, context);
  if (byWords !== undefined && !(namesStored && byWords !== 'model-not-found')) {
    if (status === 429 && context.hasRetryAfter) return classification('rate-limited');
    return classification(byWords, byWords !== (status === undefined ? 'server-error' : outcomeOfStatus(status)));
  }
  if (namesStored) return classification('caller-error');
  if (status === undefined)
    return facts.codes.some((code) => CALLER_CODE.test(code)) ? classification('caller-error') : undefined;
  if (isVague(status) && facts.codes.some((code) => SERVER_CODE.test(code))) return classification('server-error');
  return classification(outcomeOfStatus(status));
}

function classification(outcome: ErrorOutcome, isFromText = false): Classification {
  return { outcome, isFromText };
}

/** The HTTP status, or the status in the body if it is more specific. */
function statusOf({ numbers, baseResp }: ErrorFacts, status: number | undefined): number | undefined {
  const named = [...numbers, baseResp].find((number) => number !== undefined && number >= 400 && number <= 599);
  if (named === undefined) return status;
  if (status === undefined || status < 400) return named;
  return (VAGUE.has(status) || status === 404) && !VAGUE.has(named) ? named : status;
}

/** The meaning of a status by itself. */
export function outcomeOfStatus(status: number): ErrorOutcome {
  if (VAGUE.has(status)) return 'caller-error';
  if (blamesServer(status)) return 'server-error';
  if (status === 401) return 'unauthorized';
  if (status === 404 || status === 410) return 'model-not-found';
  if (status === 429) return 'rate-limited';
  return status >= 400 ? 'forbidden' : 'server-error';
}

/** A failing server may wrongly blame the caller, so the call fails over. */
function isDenied(outcome: ErrorOutcome, status: number | undefined): boolean {
  if (outcome === 'content-filter') return status !== undefined && status >= 500;
  return outcome === 'caller-error' && blamesServer(status);
}

function outcomeOfCodes(
  { codes, numbers, baseResp }: ErrorFacts,
  status: number | undefined,
): ErrorOutcome | undefined {
  for (const code of codes) {
    const known = Object.hasOwn(CODES, code) ? CODES[code] : CODE_PATTERNS.find(([pattern]) => pattern.test(code))?.[1];
    if (known !== undefined) return known;
  }
  const numbered = baseResp === undefined ? undefined : BASE_RESP[baseResp];
  const mayBeGateway = status === 400 || status === 424;
  const outcomeOf = (number: number) => (mayBeGateway ? GATEWAY_NUMBERS[number] : undefined) ?? NUMBERS[number];
  return numbered ?? numbers.map(outcomeOf).find((outcome) => outcome !== undefined);
}

const QUOTA = /quota|limit|balance|credit/;

/** An empty account, rather than a refused key. */
const isQuota = ({ codes }: ErrorFacts) => codes.some((code) => QUOTA.test(code));

function wordsOf({ texts }: ErrorFacts): string {
  return plainWords(texts.join('\n'));
}

function outcomeOfWords(
  { quoted }: ErrorFacts,
  words: string,
  status: number | undefined,
  context: ErrorContext,
): ErrorOutcome | undefined {
  // A wrapped error is described better by its own codes.
  const inner = quoted === undefined ? undefined : classificationOf(quoted, { ...context, status: undefined })?.outcome;
  if (inner !== undefined && isReadAt(inner, status, false)) return inner;
  const isFault = blamesServer(status);
  return WORDINGS.find(
    ({ outcome, pattern, weak, onlyFaults }) =>
      (isFault || onlyFaults !== true) && isReadAt(outcome, status, weak === true) && pattern.test(words),
  )?.outcome;
}

/** Which wordings count for a status: the more specific the status, the fewer. */
function isReadAt(outcome: ErrorOutcome, status: number | undefined, isWeak: boolean): boolean {
  // Without a status, a failed answer is the default anyway.
  if (status === undefined) return outcome !== 'invalid-answer';
  if (isVague(status)) return true;
  if (blamesServer(status)) return !isWeak && outcome !== 'caller-error' && outcome !== 'content-filter';
  switch (status) {
    case 401:
    case 402:
    case 410:
      return false;
    case 429:
      return outcome === 'unauthorized' || outcome === 'rate-limited';
    case 404:
      return outcome !== 'caller-error' && outcome !== 'content-filter';
    default:
      return outcome !== 'server-error' && outcome !== 'caller-error';
  }
}
