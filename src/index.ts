// For CommonJS applications: there `require('openai')` is another copy of the SDK than the one the router extends.
export { OpenAI } from 'openai';
export { callRecord } from './call-record.js';
export {
  DeadlineExceededError,
  type InterruptionReason,
  InvalidOptionError,
  NoDeploymentAvailableError,
  SpendBudgetExceededError,
  type SpendLimit,
  StreamInterruptedError,
  TokenBudgetExceededError,
} from './errors.js';
export type { EventOf, RouterEvent, RouterEventType } from './events.js';
export type { Explanation } from './explain.js';
export type { CheckOptions, CheckResult } from './health-check.js';
export type { Logger, LogLevel } from './log.js';
export { ModelRouter } from './model-router.js';
export type {
  BreakerOptions,
  BudgetOptions,
  CacheOptions,
  CallOptions,
  ClientSpec,
  DeploymentOptions,
  HeaderOption,
  PrefixOptions,
  PriceFunction,
  PriceQuery,
  RetryOptions,
  RouteOptions,
  RouterOptions,
  RouterSettings,
  SingleCallOptions,
  SingleClientOptions,
  ViewOptions,
} from './options.js';
export { formatProjection } from './projection/format-projection.js';
export type { ProjectedRoute, ProjectionOptions } from './projection/options.js';
export { type ProjectedStage, type Projection, projectCost } from './projection/project-cost.js';
export type { AttemptRecord, CacheUse, CallRecord, Outcome, Price, Usage } from './record-types.js';
export { callOptions } from './request/call-options.js';
export type { CacheSnapshot, DeploymentSnapshot, Percentiles, RouteSnapshot, Snapshot, Sums } from './snapshot.js';
export type { BudgetSnapshot, SpendSnapshot } from './spend-snapshot.js';
export type { CachedAnswer, CacheStore } from './state/response-store.js';
export type { SpendRow } from './state/spend-table.js';
export type { CountTokens } from './tokens/estimate-input.js';
export type { Capability } from './types.js';
