import type { CallOptions, DeploymentOptions, RouterSettings, SingleCallOptions } from './options.js';

export const CALL_KEYS = [
  'priority',
  'deadlineMs',
  'attemptTimeoutMs',
  'firstChunkTimeoutMs',
  'chunkTimeoutMs',
  'maxAttempts',
  'hedgeAfterMs',
  'regions',
  'cache',
  'tenant',
  'maxCostUsd',
  'overBudget',
  'maxInputTokens',
] as const satisfies readonly (keyof CallOptions)[];

export const SINGLE_CALL_KEYS = [...CALL_KEYS, 'route'] as const satisfies readonly (keyof SingleCallOptions)[];

export const SETTING_KEYS = [
  ...CALL_KEYS,
  'deployments',
  'routes',
  'fallbacks',
  'prefixes',
  'priorities',
  'unlistedModels',
  'headerOptions',
  'breaker',
  'retry',
  'budgets',
  'unknownPrice',
  'slowMs',
  'cacheStore',
  'prices',
  'countTokens',
  'random',
] as const satisfies readonly (keyof RouterSettings)[];

export const DEPLOYMENT_KEYS = [
  'client',
  'model',
  'price',
  'region',
  'contextWindow',
  'maxOutputTokens',
  'capabilities',
  'headers',
  'streamUsage',
  'embeddingSpace',
] as const satisfies readonly (keyof DeploymentOptions)[];
