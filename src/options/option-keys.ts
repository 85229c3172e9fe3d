import { CALL_KEYS, type CallOptions } from './call-options.js';
import type { DeploymentOptions, RouterSettings } from './options.js';

/** A record, so that the compiler reports a missing option. */
const SETTINGS: Readonly<Record<Exclude<keyof RouterSettings, keyof CallOptions>, true>> = {
  deployments: true,
  routes: true,
  fallbacks: true,
  prefixes: true,
  priorities: true,
  unlistedModels: true,
  headerOptions: true,
  breaker: true,
  retry: true,
  budgets: true,
  tenants: true,
  unknownPrice: true,
  slowMs: true,
  cacheStore: true,
  state: true,
  fleet: true,
  shareInFlight: true,
  prices: true,
  countTokens: true,
  classifyError: true,
  random: true,
};

const DEPLOYMENT: Readonly<Record<keyof DeploymentOptions, true>> = {
  client: true,
  model: true,
  price: true,
  region: true,
  contextWindow: true,
  maxOutputTokens: true,
  capabilities: true,
  headers: true,
  streamUsage: true,
  embeddingSpace: true,
  attemptTimeoutMs: true,
  adapt: true,
  weight: true,
  maxConcurrent: true,
  maxQueue: true,
  rpm: true,
  tpm: true,
  sla: true,
};

export const SETTING_KEYS = [...CALL_KEYS, ...Object.keys(SETTINGS)] as readonly (keyof RouterSettings)[];
export const DEPLOYMENT_KEYS = Object.keys(DEPLOYMENT) as readonly (keyof DeploymentOptions)[];
