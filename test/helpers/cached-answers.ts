import type { CachedAnswer } from 'model-router';

/** An answer as a cache stores it. */
export const cachedAnswer = (text: string, storedAt = 0): CachedAnswer => ({
  kind: 'json',
  text,
  storedAt,
  requestId: null,
  deployment: null,
  servedModel: null,
  region: null,
  costUsd: null,
  tokens: null,
});
