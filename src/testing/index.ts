export type {
  AnswerOptions,
  AnswerUsage,
  Behaviour,
  Ending,
  ErrorFields,
  Latency,
  Timing,
  ToolCall,
} from './behaviours.js';
export { cacheStoreContract, type TestRunner } from './cache-store-contract.js';
export {
  answer,
  type BytesOptions,
  bytes,
  commentFlood,
  cut,
  empty,
  endEarly,
  errorEvent,
  type FailOptions,
  type FaultOptions,
  fail,
  hang,
  hangAfterHeaders,
  html,
  hugeError,
  invalidUtf8,
  malformed,
  noDone,
  noFinishReason,
  reset,
  resetMidBody,
  slowDrip,
  stall,
  truncated,
  wrongType,
} from './constructors.js';
export type { ApiKeys } from './credentials.js';
export { embed } from './endpoints/embeddings.js';
export type { FakeControls } from './fake-controls.js';
export { type FakeFetch, type FakeFetchOptions, fakeFetch } from './fake-fetch.js';
export type { FakeOptions } from './fake-options.js';
export { type FakeProvider, type FakeProviderOptions, startFakeProvider } from './fake-provider.js';
export type { Outcome, RecordedRequest } from './recorder.js';
export type { Choose, Models, Script } from './script.js';
export { seededRandom } from './simulate/chance.js';
export { inVirtualTime, VirtualClock } from './simulate/clock.js';
export { type CompareOptions, type Comparison, compare, type RecordedTraffic } from './simulate/compare.js';
export { type BimodalOptions, bimodal, empirical, lognormal } from './simulate/latencies.js';
export type {
  BaselineOptions,
  PlannedCall,
  PlannedTraffic,
  SimulatedCall,
  SimulatedFault,
  SimulateOptions,
  SteadyTraffic,
  Traffic,
  TrafficShare,
} from './simulate/options.js';
export { readTrace, type TracedCall } from './simulate/read-trace.js';
export { type ReportOptions, simulationReport } from './simulate/report/report.js';
export type {
  Baseline,
  BreakerBand,
  FailedCall,
  SeriesStep,
  SimulatedDeployment,
  SimulatedTraffic,
  Simulation,
  Spread,
  ToldFault,
} from './simulate/result.js';
export { simulate } from './simulate/simulate.js';
export type { Stage } from './simulate/stage.js';
export { simulationTable } from './simulate/table.js';
