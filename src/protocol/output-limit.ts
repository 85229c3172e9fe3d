import { InvalidOptionError } from '../errors.js';
import { show } from '../util/check.js';
import { isRecord } from '../util/is-record.js';

/** A limit of the output, a minimum length, the number of answers, or another number that multiplies the cost. */
type Kind = 'limit' | 'least' | 'answers' | 'other';
/** For OpenAI and other servers. */
const NAMES: Readonly<Record<Kind, readonly string[]>> = {
  limit: [
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
  ],
  least: ['min_tokens', 'min_new_tokens', 'min_length'],
  answers: ['n', 'num_return_sequences', 'candidate_count', 'candidateCount'],
  other: ['best_of', 'max_tool_calls'],
};
const KINDS = new Map<string, Kind>(
  Object.entries(NAMES).flatMap(([kind, names]) => names.map((name): [string, Kind] => [name, kind as Kind])),
);
/** Some servers also read the same parameters inside these objects. */
const INNER = new Set(['extra_body', 'options', 'parameters', 'generation_config', 'generationConfig']);

interface Count {
  readonly name: string;
  readonly kind: Kind;
  readonly value: unknown;
}

/** The counts that a body sets. It visits the body's own few names, not the many possible ones. */
function countsOf(body: unknown, found: Count[] = [], isInner = false): Count[] {
  if (!isRecord(body)) return found;
  for (const name in body) {
    const kind = KINDS.get(name);
    if (kind !== undefined) found.push({ name, kind, value: body[name] });
    else if (!isInner && INNER.has(name)) countsOf(body[name], found, true);
  }
  return found;
}

/**
 * The highest output limit that the request allows. The largest of several counts, because servers differ in which they
 * use.
 */
export function outputLimitOf(body: unknown): number | undefined {
  let largest: number | undefined;
  for (const { kind, value } of countsOf(body)) {
    const isLength = kind === 'limit' || kind === 'least';
    if (isLength && typeof value === 'number' && value >= 1 && value > (largest ?? 0)) largest = value;
  }
  return largest;
}

/** The requested number of answers, under any parameter name. */
export function answersOf(body: unknown): number {
  if (body instanceof FormData) return Math.max(1, Number(body.get('n')) || 1);
  let most = 1;
  for (const { kind, value } of countsOf(body))
    if (kind === 'answers' && typeof value === 'number' && value > most) most = value;
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
  for (const { name, kind, value } of countsOf(body)) {
    const least = kind === 'least' ? 0 : 1;
    if (value !== undefined && value !== null && !(Number.isSafeInteger(value) && (value as number) >= least))
      refuse(name, value, least);
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
