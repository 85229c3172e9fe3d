/** The SDK's class that `ModelRouter` extends: the one that your own `import` or `require` of `openai` gives. */
export { OpenAI } from 'openai';
export type { AsFetchOptions } from './as-fetch.js';
export {
  CapacityExceededError,
  DeadlineExceededError,
  type InterruptionReason,
  InvalidAnswerError,
  InvalidOptionError,
  NoDeploymentAvailableError,
  SpendBudgetExceededError,
  type SpendLimit,
  StreamInterruptedError,
  TokenBudgetExceededError,
} from './errors.js';
export type { AbComparison, AbReport, AbVariant } from './experiments/ab-report.js';
export {
  type Calibration,
  type CalibrationGoal,
  type CalibrationPoint,
  type CalibrationRecord,
  calibrate,
} from './experiments/calibrate.js';
export type { Explanation } from './inspect/explanation.js';
export type { CheckOptions, CheckResult } from './inspect/health-check.js';
export type { SlaDeploymentMonth, SlaMonth, SlaPeriod, SlaReport, SlaReportOptions } from './inspect/sla-report.js';
export type {
  BurnSnapshot,
  CacheSnapshot,
  DeploymentSnapshot,
  Percentiles,
  RouteSnapshot,
  SlaSnapshot,
  Snapshot,
  Sums,
} from './inspect/snapshot.js';
export type { BudgetSnapshot, SpendSnapshot } from './inspect/spend-snapshot.js';
export { ModelRouter } from './model-router.js';
export type { AcceptFunction, EscalateOptions, ShadowOptions } from './options/check-judge.js';
export type { StrategyName, StrategyOptions } from './options/check-strategy.js';
export type {
  BreakerOptions,
  BudgetOptions,
  CacheOptions,
  CallOptions,
  ClassifyError,
  ClientSpec,
  DeploymentOptions,
  FixedOption,
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
  SlaOptions,
  TenantOptions,
  UpdateOptions,
  UpstreamError,
  ViewOptions,
} from './options/options.js';
export type { Strategy, StrategyDeployment, StrategyView } from './options/strategy.js';
export { formatProjection } from './prices/projection/format-projection.js';
export type { ProjectedRoute, ProjectionOptions } from './prices/projection/options.js';
export { type ProjectedStage, type Projection, projectCost } from './prices/projection/project-cost.js';
export type { ErrorOutcome } from './protocol/error-outcomes.js';
export { callOptions } from './request/call-options.js';
export type { CachedAnswer, CacheStore } from './state/cache-store.js';
export type { Fleet } from './state/fleet.js';
export type { ProcessState, RouterState, StateStore } from './state/router-state.js';
export type { SpendRow } from './state/spend-table.js';
export { callRecord } from './telemetry/call-record.js';
export type { EventOf, RouterEvent, RouterEventType } from './telemetry/events.js';
export type { Logger, LogLevel } from './telemetry/log.js';
export { type PinoLike, pinoLogger, type WinstonLike, winstonLogger } from './telemetry/loggers.js';
export type {
  AttemptRecord,
  CacheUse,
  CallRecord,
  ConfidenceScores,
  LongContextPrice,
  Outcome,
  Price,
  ScoreName,
  TierPrice,
  TokenPrice,
  Usage,
} from './telemetry/record-types.js';
export type { CountTokens } from './tokens/estimate-input.js';
export type { Capability } from './types.js';
