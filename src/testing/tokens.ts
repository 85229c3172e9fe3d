import type { AnswerOptions } from './behaviours.js';

/** A token is four characters here, so that tests can count by hand. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

/** The tokens of a text, each with the script's log probability. */
export function tokensOf(text: string, logprob: AnswerOptions['logprob'] = -0.1, first = 0): readonly TokenLogprob[] {
  return Array.from({ length: countTokens(text) }, (_, index) => {
    const token = text.slice(4 * index, 4 * index + 4);
    const given = typeof logprob === 'number' ? logprob : (logprob[first + index] ?? logprob.at(-1) ?? -0.1);
    return { token, logprob: given, bytes: [...new TextEncoder().encode(token)] };
  });
}

/** The chunks of a streamed text. Characters are never split. */
export function piecesOf(text: string, chunks: AnswerOptions['chunks'] = 4): readonly string[] {
  if (typeof chunks !== 'number') return chunks;
  const characters = [...text];
  const pieces = Math.max(1, Math.min(Math.floor(chunks), characters.length));
  const edge = (index: number) => Math.round((index * characters.length) / pieces);
  return characters.length === 0
    ? []
    : Array.from({ length: pieces }, (_, index) => characters.slice(edge(index), edge(index + 1)).join(''));
}
