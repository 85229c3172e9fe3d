import { InvalidOptionError } from '../errors.js';
import { show } from '../util/check.js';
import { isRecord } from '../util/is-record.js';

/** Names of output limits and minimum lengths, for OpenAI and other servers. */
const LIMITS = [
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'max_new_tokens',
  'max_tokens_to_sample',
  'max_generated_tokens',
  'max_gen_len',
  'max_length',
  'maxTokens',
  'maxOutputTokens',
  'num_predict',
  'n_predict',
  'min_tokens',
  'min_new_tokens',
  'min_length',
] as const;
/** The number of answers to return. */
const ANSWERS = ['n', 'num_return_sequences', 'candidate_count', 'candidateCount'] as const;
/** Other numbers that multiply the cost: generated answers, and calls of the provider's tools. */
const COUNTS = [...ANSWERS, 'best_of', 'max_tool_calls'] as const;
/** For these, 0 is valid. */
const LEAST_LENGTHS: ReadonlySet<string> = new Set(['min_tokens', 'min_new_tokens', 'min_length']);
/** Some servers also read the same parameters inside these objects. */
const INNER = ['extra_body', 'options', 'parameters', 'generation_config', 'generationConfig'] as const;

/**
 * The highest output limit that the request allows. The largest of several counts, because servers differ in which they
 * use.
 */
export function outputLimitOf(body: unknown): number | undefined {
  let largest: number | undefined;
  for (const each of recordsOf(body)) {
    for (const name of LIMITS) {
      const value = each[name];
      if (typeof value === 'number' && value >= 1 && value > (largest ?? 0)) largest = value;
    }
  }
  return largest;
}

/** The requested number of answers, under any parameter name. */
export function answersOf(body: unknown): number {
  if (body instanceof FormData) return Math.max(1, Number(body.get('n')) || 1);
  let most = 1;
  for (const each of recordsOf(body)) {
    for (const name of ANSWERS) {
      const value = each[name];
      if (typeof value === 'number' && value > most) most = value;
    }
  }
  return most;
}

/**
 * Servers differ in how they read `"100"`, `[100]` or 1e-9, so under a spending or token limit only whole numbers are
 * sent. Throws InvalidOptionError.
 */
export function checkLimits(body: unknown): void {
  if (body instanceof FormData) {
    const values = body.getAll('n');
    for (const value of values) if (!/^[1-9]\d{0,8}$/.test(String(value))) refuse('n', value, 1);
    return;
  }
  for (const each of recordsOf(body)) {
    for (const name of [...LIMITS, ...COUNTS]) {
      const value = each[name];
      const least = LEAST_LENGTHS.has(name) ? 0 : 1;
      if (value !== undefined && value !== null && !(Number.isSafeInteger(value) && (value as number) >= least))
        refuse(name, value, least);
    }
  }
}

function refuse(name: string, value: unknown, least: number): never {
  throw new InvalidOptionError(
    name,
    `${show(value)} is not allowed under a limit of money or tokens; give a whole number of at least ${least}.`,
  );
}

/** The requested service tier in lower case; `undefined` for none. */
export function serviceTierOf(body: unknown): string | undefined {
  const tier = isRecord(body) ? body.service_tier : undefined;
  return typeof tier === 'string' && tier !== '' ? tier.toLowerCase() : undefined;
}

function recordsOf(body: unknown): Record<string, unknown>[] {
  if (!isRecord(body)) return [];
  const found = [body];
  for (const name of INNER) {
    const inner = body[name];
    if (isRecord(inner)) found.push(inner);
  }
  return found;
}
