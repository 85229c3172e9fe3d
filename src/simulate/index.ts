export { inVirtualTime, VirtualClock } from './clock.js';
export { type CompareOptions, type Comparison, compare, type RecordedTraffic } from './compare.js';
export { type BimodalOptions, bimodal, empirical, lognormal } from './latencies.js';
export type {
  BaselineOptions,
  PlannedCall,
  PlannedTraffic,
  SimulatedCall,
  SimulatedFault,
  SimulateOptions,
  SimulationContext,
  SteadyTraffic,
  Traffic,
  TrafficShare,
} from './options.js';
export { readTrace, type TracedCall } from './read-trace.js';
export { type ReportOptions, simulationReport } from './report/report.js';
export type {
  Baseline,
  BreakerBand,
  FailedCall,
  FaultReport,
  SeriesStep,
  SimulatedDeployment,
  SimulatedTraffic,
  Simulation,
  Spread,
} from './result.js';
export { seededRandom } from './seeded-random.js';
export { simulate } from './simulate.js';
export { simulationTable } from './table.js';
