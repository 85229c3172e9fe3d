import { Events } from '../../src/telemetry/events.js';
import type { CountTokens } from '../../src/tokens/estimate-input.js';
import { InputEstimator } from '../../src/tokens/input-estimator.js';
import type { Call, Protocol } from '../../src/types.js';

/** The estimate of a request's input tokens, as a router makes it. */
export function estimateInputTokens(
  { body, protocol, model }: { body: unknown; protocol: Protocol; model: string | undefined },
  countTokens?: CountTokens,
): number {
  const estimator = new InputEstimator(countTokens, new Events(), () => 0.5);
  const call = { body, protocol, log: { warn() {} }, record: { id: 'call' } } as unknown as Call;
  return estimator.ofCallAt(call, model);
}
