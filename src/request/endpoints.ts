import type { Protocol } from '../types.js';

const ENDPOINTS: ReadonlyMap<string, Protocol> = new Map([
  ['/chat/completions', 'chat'],
  ['/completions', 'completions'],
  ['/responses', 'responses'],
  ['/embeddings', 'embeddings'],
  ['/moderations', 'json'],
  ['/images/generations', 'json'],
  ['/images/edits', 'json'],
  ['/images/variations', 'json'],
  ['/audio/speech', 'binary'],
  ['/audio/transcriptions', 'text'],
  ['/audio/translations', 'text'],
]);

const FORM_ENDPOINTS: ReadonlySet<string> = new Set([
  '/images/edits',
  '/images/variations',
  '/audio/transcriptions',
  '/audio/translations',
]);

/** The protocol of a routed endpoint, given its exact path. */
export const protocolOfPath = (path: string): Protocol | undefined => ENDPOINTS.get(path);

/** Whether the endpoint also takes form data. */
export const takesForm = (path: string): boolean => FORM_ENDPOINTS.has(path);

/**
 * Reads a path from outside as the most lenient server would, so that no spelling hides a routed endpoint: decoded
 * once, without blanks, dots, parameters and control characters at the ends of segments, in lower case. Used for
 * matching only. Returns `undefined` if the path leads upwards.
 */
export function normalizedPath(path: string): string | undefined {
  const segments = decodeOnce(path)
    .split(/[/\\]/)
    .map((segment) => trimSegment(segment).toLowerCase())
    .filter((segment) => segment !== '');
  if (segments.includes('..')) return undefined;
  return `/${segments.filter((segment) => segment !== '.').join('/')}`;
}

/** The routed endpoint for a normalized path. Some servers answer below `/v1`, some without it, some at both. */
export function endpointOf(normalized: string): string | undefined {
  const path = normalized.replace(/^(?:\/v1(?=\/))+/, '');
  return ENDPOINTS.has(path) ? path : undefined;
}

function decodeOnce(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // One broken escape must not hide the others.
    return path.replace(/%[0-7][0-9a-f]/gi, (encoded) => String.fromCharCode(Number.parseInt(encoded.slice(1), 16)));
  }
}

function trimSegment(segment: string): string {
  const [named = ''] = segment.split(/[;?#]/, 1);
  if (named === '.' || named === '..') return named;
  let start = 0;
  let end = named.length;
  while (start < end && isBlank(named.charCodeAt(start))) start++;
  while (end > start && isBlank(named.charCodeAt(end - 1))) end--;
  return named.slice(start, end);
}

/** Blanks and control characters, including the zero byte. */
const isBlank = (code: number) => code <= 0x20 || (code >= 0x7f && code <= 0xa0) || code === 0xfeff;
