import { accept } from './attempt/accept.js';
import { AttemptReports } from './attempt/attempt-reports.js';
import { breaker } from './attempt/breaker.js';
import { ErrorReader } from './attempt/error-reader.js';
import { holdStream } from './attempt/hold-stream.js';
import { measure } from './attempt/measure.js';
import { send } from './attempt/send.js';
import { serverSignals } from './attempt/server-signals.js';
import { stream } from './attempt/stream.js';
import { attemptTimeout } from './attempt/timeout.js';
import { admit } from './call/admit.js';
import { cache } from './call/cache/layer.js';
import type { CacheParts } from './call/cache/response-cache.js';
import { type EscalateParts, escalate } from './call/escalate.js';
import { failover } from './call/failover.js';
import { type OrderParts, order } from './call/order.js';
import { type RecordParts, record } from './call/record.js';
import { Shadow, type ShadowParts } from './call/shadow.js';
import type { SpendParts } from './call/spend/decide.js';
import { limitSpend } from './call/spend/layer.js';
import { limitTokens } from './call/token-limit.js';
import type { RouterConfig } from './options/check-options.js';
import { compose, type Handler } from './pipeline.js';
import { plan, planHedge } from './plan/plan.js';
import type { PriceBook } from './prices/price-book.js';
import type { RouterLife } from './router-life.js';
import type { ServiceLevel } from './state/service-level.js';
import type { Totals } from './state/totals.js';
import type { InputEstimator } from './tokens/input-estimator.js';
import type { Attempt, Call, CallReply, Reply } from './types.js';
import { NameHints } from './util/name-hints.js';

export interface Parts {
  readonly config: RouterConfig;
  readonly life: RouterLife;
  /** One random number per call, 0 up to 1, that spreads its waits. */
  readonly jitter: () => number;
  readonly prices: PriceBook;
  readonly routeTotals: ReadonlyMap<string, Totals>;
  readonly services: ReadonlyMap<string, ServiceLevel>;
  /** Budgets and price estimates. */
  readonly spend: SpendParts;
  readonly estimator: InputEstimator;
  readonly cache: Omit<CacheParts, 'totals' | 'events' | 'tracing' | 'background'>;
  readonly order: Omit<OrderParts, 'estimator'>;
  readonly escalation: EscalateParts['rules'];
  readonly shadow: Pick<ShadowParts, 'rule' | 'runsInBackground'>;
  readonly onRecorded: RecordParts['onRecorded'];
}

/**
 * START HERE. The path of a request, outermost layer first: one list per call, and one per attempt. The failover loop
 * connects them: it asks the plan for the next step and runs the attempt layers for it. A new rule is a file in
 * `call/`, `plan/` or `attempt/`, and a line here.
 */
export function assemble({
  config,
  life,
  jitter,
  prices,
  routeTotals,
  services,
  spend,
  estimator,
  cache: cached,
  order: orderParts,
  escalation,
  shadow,
  onRecorded,
}: Parts): Handler<Call, CallReply> {
  const { random, slowMs, slowLogMs } = config;
  const { events, spendTable, background, capacity, tracing, channels, cacheTotals: totals, closing: signal } = life;

  const errors = new ErrorReader(config.classifyError);
  const attempt = compose<Attempt, Reply>(
    [
      measure({
        events,
        prices,
        spent: spendTable,
        errors,
        estimator,
        background,
        reports: new AttemptReports({ events, slowMs, slowLogMs }),
        random,
        tracing,
        channels,
      }), // counts and times the attempt, and names its outcome
      serverSignals(events, new NameHints(() => config.deployments.keys())), // records pauses and suspended clients
      accept(config.routes, random), // fails the answers that the route's `accept` refuses
      holdStream(config.routes, random), // holds streams back until their end, for `accept` and `escalate`
      breaker(), // outside the timeout: a timeout counts
      attemptTimeout(random),
      stream(errors, random), // holds back until the first content
    ],
    send(errors, tracing),
  );

  const answered = failover({ plan, planHedge, events, capacity, jitter, attempt });
  const { ledger } = spend;
  const shadowed = new Shadow({
    ...shadow,
    signal,
    events,
    capacity,
    ledger,
    random,
    send: limitSpend(spend)(answered),
  });
  const recorded = record({ events, routeTotals, services, onRecorded, tracing, channels });
  return compose<Call, CallReply>(
    [
      recorded, // outermost: it also sees refusals and cache hits
      admit(() => life.closed),
      cache({ ...cached, totals, events, tracing, background: recorded }), // a shared call runs under its own signal and deadline
      limitTokens({ events, estimator }), // below the cache: a cached answer is never refused
      limitSpend(spend), // after the token limit: nothing is reserved for an input that is too long
      order({ ...orderParts, estimator }), // the route's strategy orders the remaining deployments
      escalate({ events, rules: escalation }), // checks the first answer, and may request another one
      shadowed.layer(), // starts after the caller has its answer
    ],
    answered,
  );
}
