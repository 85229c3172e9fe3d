import type { ConfidenceScores } from '../telemetry/record-types.js';
import { isRecord } from '../util/is-record.js';
import { valueRanges } from './json-values.js';
import { CUT_FINISH } from './provider-errors.js';

/** A lower limit for log probabilities: a single token of -100 would decide alone. */
const FLOOR = -20;
const LOW_PERCENTILE = 0.1;
const UNKNOWN: ConfidenceScores = { mean: null, lowest: null, first: null };
const ZERO: ConfidenceScores = { mean: 0, lowest: 0, first: 0 };

interface Token {
  readonly text: string;
  readonly logprob: number;
}

/** The part of an answer that is assessed. */
interface Part {
  readonly text: string;
  readonly tokens: readonly Token[] | undefined;
  readonly isRefusal: boolean;
  readonly isTruncated: boolean;
  readonly callsTools: boolean;
}

/**
 * A model's confidence in an answer, from the probabilities of its tokens. A refusal, an empty, truncated or invalid
 * JSON answer scores 0; a tool call, or an answer without token probabilities, is unknown. Of several choices the least
 * sure counts.
 *
 * @param wantsJson the request wants JSON, so any other answer is wrong
 */
export function confidenceOf(answer: unknown, wantsJson: boolean): ConfidenceScores {
  const parts = partsOf(answer);
  if (parts.length === 0) return UNKNOWN;
  return parts.map((part) => scoresOf(part, wantsJson)).reduce(least);
}

function least(a: ConfidenceScores, b: ConfidenceScores): ConfidenceScores {
  const lower = (one: number | null, other: number | null) =>
    one === null || other === null ? null : Math.min(one, other);
  return { mean: lower(a.mean, b.mean), lowest: lower(a.lowest, b.lowest), first: lower(a.first, b.first) };
}

function scoresOf({ text, tokens, isRefusal, isTruncated, callsTools }: Part, wantsJson: boolean): ConfidenceScores {
  if (isRefusal || isTruncated) return ZERO;
  if (callsTools) return UNKNOWN;
  if (text.trim() === '') return ZERO;
  const values = valueRanges(text);
  if (wantsJson && values === undefined) return ZERO;
  const located = locate(tokens ?? [], text);
  if (located === undefined) return UNKNOWN;
  return values === undefined ? scoresOfText(located) : scoresOfFields(located, values);
}

interface Located extends Token {
  readonly start: number;
  readonly end: number;
}

/** The position of each token in the text; reasoning tokens precede it. `undefined` if they do not match. */
function locate(tokens: readonly Token[], text: string): Located[] | undefined {
  if (tokens.length === 0) return undefined;
  const joined = tokens.map((token) => token.text).join('');
  const offset = joined.lastIndexOf(text.trimEnd());
  if (offset === -1) return undefined;
  const located: Located[] = [];
  let at = -offset;
  for (const token of tokens) {
    const end = at + token.text.length;
    if (end > 0 && at < text.length) located.push({ ...token, start: at, end });
    at = end;
  }
  return located.length === 0 ? undefined : located;
}

function scoresOfText(tokens: readonly Located[]): ConfidenceScores {
  const first = tokens.find((token) => token.text.trim() !== '') ?? tokens[0];
  const sorted = tokens.map(floored).sort((a, b) => a - b);
  const low = sorted[Math.floor(LOW_PERCENTILE * (sorted.length - 1))] ?? FLOOR;
  return {
    mean: meanProbability(tokens),
    lowest: Math.exp(low),
    first: first === undefined ? null : probability(first),
  };
}

/** Scores of values only: punctuation and keys are nearly always certain, and would hide an uncertain value. */
function scoresOfFields(tokens: readonly Located[], values: readonly (readonly [number, number])[]): ConfidenceScores {
  const fields = values.map(([from, to]) => tokens.filter((token) => token.start < to && token.end > from));
  const filled = fields.filter((field) => field.length > 0);
  const used = [...new Set(filled.flat())];
  const [first] = filled[0] ?? [];
  if (first === undefined) return scoresOfText(tokens);
  return { mean: meanProbability(used), lowest: Math.min(...filled.map(meanProbability)), first: probability(first) };
}

const floored = ({ logprob }: Token) => Math.max(FLOOR, logprob);
const probability = (token: Token) => Math.exp(floored(token));
const meanProbability = (tokens: readonly Token[]) =>
  Math.exp(tokens.reduce((sum, token) => sum + floored(token), 0) / tokens.length);

function partsOf(answer: unknown): Part[] {
  if (!isRecord(answer)) return [];
  if (Array.isArray(answer.choices)) return answer.choices.filter(isRecord).map(partOfChoice);
  if (Array.isArray(answer.output)) return [partOfResponse(answer, answer.output.filter(isRecord))];
  return [];
}

function partOfChoice(choice: Record<string, unknown>): Part {
  const message = isRecord(choice.message) ? choice.message : {};
  const logprobs = isRecord(choice.logprobs) ? choice.logprobs : {};
  return {
    text: textOf(message.content),
    tokens: tokensOf(logprobs.content),
    isRefusal: typeof message.refusal === 'string' && message.refusal !== '',
    isTruncated: typeof choice.finish_reason === 'string' && CUT_FINISH.test(choice.finish_reason.slice(0, 64)),
    callsTools: (Array.isArray(message.tool_calls) && message.tool_calls.length > 0) || isRecord(message.function_call),
  };
}

function partOfResponse(answer: Record<string, unknown>, output: readonly Record<string, unknown>[]): Part {
  const content = output
    .filter((item) => item.type === 'message')
    .flatMap((item) => (Array.isArray(item.content) ? item.content.filter(isRecord) : []));
  const texts = content.filter((part) => part.type === 'output_text');
  const tokens = texts.map((part) => tokensOf(part.logprobs));
  return {
    text: texts.map((part) => textOf(part.text)).join(''),
    tokens: tokens.some((each) => each === undefined) ? undefined : tokens.flatMap((each) => each ?? []),
    isRefusal: content.some((part) => part.type === 'refusal'),
    isTruncated: answer.status === 'incomplete',
    callsTools: output.some((item) => typeof item.type === 'string' && item.type.endsWith('_call')),
  };
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

function tokensOf(list: unknown): Token[] | undefined {
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const tokens: Token[] = [];
  for (const each of list) {
    if (!isRecord(each) || typeof each.token !== 'string' || typeof each.logprob !== 'number') return undefined;
    tokens.push({ text: each.token, logprob: Number.isNaN(each.logprob) ? FLOOR : each.logprob });
  }
  return tokens;
}

/** Whether the caller requested JSON: then any other answer is wrong. */
export function wantsJson(body: unknown): boolean {
  if (!isRecord(body)) return false;
  const text = isRecord(body.text) ? body.text : {};
  const format = isRecord(body.response_format) ? body.response_format : text.format;
  return isRecord(format) && (format.type === 'json_object' || format.type === 'json_schema');
}
