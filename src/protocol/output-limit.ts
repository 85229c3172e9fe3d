import { InvalidOptionError } from '../errors.js';
import { show } from '../util/check.js';
import { isRecord } from '../util/is-record.js';

/** What OpenAI and other servers call a limit of output, or a least length. */
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
/** How many answers are returned. */
const ANSWERS = ['n', 'num_return_sequences', 'candidate_count', 'candidateCount'] as const;
/** What else is paid by number: answers that are written, and calls of the provider's tools. */
const COUNTS = [...ANSWERS, 'best_of', 'max_tool_calls'] as const;
/** 0 is legal in these. */
const LEAST_LENGTHS: ReadonlySet<string> = new Set(['min_tokens', 'min_new_tokens', 'min_length']);
/** Some servers read the same parameters in here too. */
const INNER = ['extra_body', 'options', 'parameters', 'generation_config', 'generationConfig'] as const;

/** The most tokens that the request allows an answer to have: of several limits the largest, as servers differ in which they use. */
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
 * Servers read `"100"`, `[100]` or 1e-9 as they like, so under a limit of money or tokens only whole numbers are sent.
 * Throws InvalidOptionError.
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

/** The service tier that the request names, lower case; `undefined` for none. */
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
