import { InvalidAnswer } from '../classify.js';
import { isServerFault } from '../protocol/progress.js';
import type { Protocol, UpstreamAnswer } from '../types.js';
import { isRecord } from '../util/is-record.js';

/** What an answer must have to be one. */
const REQUIRED: Readonly<Partial<Record<Protocol, string>>> = {
  chat: 'choices',
  completions: 'choices',
  embeddings: 'data',
};

/** A 200 with nothing, with text where JSON was asked for, or with an error in it is a failure like any other. */
export function checkAnswer(protocol: Protocol, { data }: UpstreamAnswer): void {
  if (protocol === 'binary') return;
  if (data === undefined || data === null) throw new InvalidAnswer('with an empty body');
  if (protocol === 'text' && typeof data === 'string') return;
  if (!isRecord(data)) throw new InvalidAnswer('with something other than a JSON object');
  const required = REQUIRED[protocol];
  if (required !== undefined && !Array.isArray(data[required])) {
    throw new InvalidAnswer(isRecord(data.error) ? 'with an error in a 200' : `without \`${required}\``);
  }
  if (protocol === 'chat' && isEmpty(data.choices)) throw new InvalidAnswer('without a choice');
  if (protocol === 'responses' && hasFailed(data)) throw new InvalidAnswer('with a failed response');
}

const isEmpty = (value: unknown) => Array.isArray(value) && value.length === 0;

/** A response that failed on the server's side; one that the caller caused stays the caller's to read. */
function hasFailed(data: Record<string, unknown>): boolean {
  const { error, status } = data;
  if (!isRecord(error)) return false;
  return status === undefined || (status === 'failed' && isServerFault(error));
}
