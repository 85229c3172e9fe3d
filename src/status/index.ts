export type { StatusRouter, Trouble, TroubleAttempt } from './collector.js';
export type { LastFailure, Minute } from './deployment-watch.js';
export { type NodeRequest, type NodeResponse, nodeStatusHandler, type RawReply } from './node-status-handler.js';
export { type StatusOptions, statusHandler } from './status-handler.js';
export type { DeploymentStatus, Health, Status } from './status-json.js';
