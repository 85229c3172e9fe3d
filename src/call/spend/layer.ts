import { OpenAIError } from 'openai';
import { NoDeploymentAvailableError, type SpendBudgetExceededError, setHidden } from '../../errors.js';
import type { Handler, Layer } from '../../pipeline.js';
import { checkLimits } from '../../protocol/output-limit.js';
import type { Warning } from '../../state/spend-account.js';
import type { Events } from '../../telemetry/events.js';
import type { Call, CallReply, Target } from '../../types.js';
import { showUsd } from '../../util/money.js';
import { decide, hasSpendLimit, type SpendParts, UNPRICED, without } from './decide.js';
import { budgetName, toIso } from './messages.js';
import { CallReservation } from './reservation.js';

/** Reserves a call's highest cost in every spend limit, or refuses the call. Without a limit it adds nothing. */
export function limitSpend(parts: SpendParts): Layer<Call, CallReply> {
  /** Deployments that were excluded because they have no price; each is reported once. */
  const reported = new Set<string>();
  return (next) =>
    function limitSpend(call) {
      return hasSpendLimit(parts, call) ? withReservation(parts, reported, call, next) : next(call);
    };
}

async function withReservation(
  parts: SpendParts,
  reported: Set<string>,
  call: Call,
  next: Handler<Call, CallReply>,
): Promise<CallReply> {
  const { ledger, mayRepeat } = parts;
  checkLimits(parts.estimator.inputOf(call).body);
  const requestedSince = performance.now();
  let decision = decide(parts, call, true, requestedSince);
  // Other processes spend from the same budget, and may release some. Another call may take what is granted, so this one
  // requests again, until the fleet's `timeoutMs` is over.
  while (decision.pending !== undefined) {
    const isAnswered = await decision.pending;
    decision = decide(parts, call, true, isAnswered ? requestedSince : undefined);
  }
  const { cases, excluded, refused, reservation } = decision;
  const unpriced = excluded.filter(({ why }) => why === UNPRICED).map(({ target }) => target);
  if (unpriced.length > 0) reportUnpriced(parts.events, reported, call, unpriced);
  if (refused !== undefined) throw reportRefused(parts.events, call, refused);
  if (excluded.length > 0) {
    call.targets = without(call.targets, excluded);
    call.excluded = [...call.excluded, ...excluded];
  }
  const spend = new CallReservation({
    call,
    cases,
    mayRepeat,
    reserved: ledger && reservation && { ledger, reservation },
    onSettled: ({ spentUsd, exceededUsd, warnings }) => {
      if (exceededUsd !== undefined)
        parts.events.emit({
          type: 'budget-overrun',
          callId: call.record.id,
          reservedUsd: exceededUsd,
          costUsd: spentUsd,
        });
      for (const warning of warnings) reportWarning(parts.events, call, warning);
    },
  });
  call.spend = spend;
  try {
    const reply = await next(call);
    spend.commit();
    reply.onEnd(() => spend.end());
    return reply;
  } catch (error) {
    spend.end();
    // The errors of other deployments do not mention the excluded ones. An application's own error is left unchanged.
    if (unpriced.length > 0 && call.failures.length > 0 && error instanceof OpenAIError && error.cause === undefined)
      setHidden(error, 'cause', new NoDeploymentAvailableError(`Not tried: ${namesOf(unpriced)}: ${UNPRICED}.`));
    throw error;
  }
}

const namesOf = (targets: readonly Target[]) => targets.map(({ state }) => state.id).join(', ');

/** Reports a deployment that is excluded because it has no price, so that the application notices. */
function reportUnpriced(events: Events, reported: Set<string>, { log }: Call, targets: readonly Target[]): void {
  const fresh = targets.filter(({ state }) => !reported.has(state.id));
  if (fresh.length === 0) return;
  log.warn(`excluded: ${namesOf(fresh)}: ${UNPRICED}`);
  for (const { state, model } of fresh) {
    reported.add(state.id);
    if (events.hasListener('price-unknown'))
      events.emit({
        type: 'price-unknown',
        deployment: state.id,
        model: model ?? null,
        hint: `it is excluded: ${UNPRICED}`,
      });
  }
}

function reportRefused(events: Events, { record }: Call, error: SpendBudgetExceededError): Error {
  if (events.hasListener('budget-refused')) {
    const { budget: name, estimateUsd: estimate, limitUsd: limit, leftUsd: left, resetsAt } = error;
    const { id: callId, route } = record;
    events.emit({
      type: 'budget-refused',
      callId,
      route,
      budget: 'money',
      name,
      estimate,
      limit,
      left,
      resetsAt,
    });
  }
  return error;
}

function reportWarning(events: Events, { log }: Call, warning: Warning): void {
  const { budget, tenant, percent, spentUsd, reservedUsd, resetsAt } = warning;
  const name = budgetName(budget);
  log.warn(`${percent} % of the budget of ${name} is spent: ${showUsd(spentUsd)}`);
  if (!events.hasListener('budget-warning')) return;
  events.emit({
    type: 'budget-warning',
    budget: name,
    tenant: tenant ?? null,
    percent,
    limitUsd: budget.usd,
    spentUsd,
    reservedUsd,
    resetsAt: toIso(resetsAt),
  });
}
