export type {
  Answer,
  AnswerOptions,
  AnswerUsage,
  Behaviour,
  BreakAt,
  BreakOff,
  Bytes,
  CommentFlood,
  Empty,
  Ending,
  ErrorFields,
  ErrorInStream,
  Fail,
  Hang,
  InvalidUtf8,
  Latency,
  LeaveOut,
  Malformed,
  Reset,
  SlowDrip,
  Stall,
  Timing,
  ToolCall,
  WrongType,
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
export { fleetStoreContract } from './fleet-store-contract.js';
export { offline } from './offline.js';
export type { RecordedRequest, RequestOutcome } from './recorder.js';
export type { Choose, Models, Script } from './script.js';
export { strategyContract } from './strategy-contract.js';
