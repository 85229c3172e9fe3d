import type { Explanation } from '../inspect/explanation.js';
import type { FaultReport, SimulatedDeployment, Simulation } from './result.js';

type Found = Omit<Simulation, 'baseline' | 'advice'>;

/** The default of `deadlineMs`. */
const DEFAULT_DEADLINE_MS = 120_000;
/** Wasted attempts at one deployment per 5 minutes, which a breaker should have prevented. */
const MANY_WASTED = 100;
const WINDOW_MS = 300_000;
const MUCH_LOAD = 1.5;
/** Errors of limits, and the option of each. */
const LIMITS: Readonly<Record<string, string>> = {
  SpendBudgetExceededError:
    'they could cost more than `maxCostUsd` or what is left of `budgets`; set a limit of output, and low `maxAttempts`',
  CapacityExceededError:
    'their deployments were full; add one, raise `maxConcurrent`, `rpm` or `tpm` as far as the provider allows, or send less',
  TokenBudgetExceededError: 'their input is estimated at more than `maxInputTokens`',
};

/** Advice about a configuration, from its plans and results. Each problem is reported once, in a sentence. */
export function advise(found: Found, explanations: readonly Explanation[], unlisted: readonly string[]): string[] {
  const sentences = [
    ...explanations.flatMap((explanation) => aboutPlan(explanation, found)),
    ...Object.entries(found.deployments).flatMap(([id, deployment]) => aboutDeployment(id, deployment, found)),
    ...found.faults.flatMap(aboutFault),
    ...unlisted.map(
      (model) =>
        `No route or deployment is named ${model}: its calls were passed on unchanged, then to \`fallbacks\`. Is that intended?`,
    ),
    ...aboutAll(found),
  ];
  return [...new Set(sentences)];
}

function aboutPlan(
  { route, deployments, deadlineMs, attemptTimeoutMs, maxAttempts }: Explanation,
  found: Found,
): string[] {
  const usable = deployments.filter(({ excluded }) => excluded === undefined).map(({ id }) => id);
  const [first, second] = usable;
  const whose = route === null ? `Calls to ${first ?? 'a model'}` : `The route ${route}`;
  const sentences: string[] = [];
  if (usable.length === 0)
    sentences.push(
      `${whose} can use no deployment at all: ${deployments.map(({ id, excluded }) => `${id}: ${excluded}`).join('; ')}.`,
    );
  if (first !== undefined && second === undefined) {
    sentences.push(
      `${whose} has one deployment, ${first}: when it is down, there is no failover. Add one to the route, or to \`fallbacks\`.`,
    );
  }
  if (second !== undefined && (maxAttempts === 1 || (attemptTimeoutMs ?? 0) >= deadlineMs)) {
    const why = maxAttempts === 1 ? '`maxAttempts` is 1' : 'nothing is reserved';
    sentences.push(
      `No reserve: ${whose[0]?.toLowerCase()}${whose.slice(1)} give${route === null ? '' : 's'} the first attempt all of its ${format(attemptTimeoutMs ?? deadlineMs)} ms (${why}), so nothing is left for ${second} when ${first} hangs. ${maxAttempts === 1 ? 'Allow at least 2 attempts.' : 'Set a shorter `attemptTimeoutMs`, or none.'}`,
    );
  }
  if (deadlineMs === DEFAULT_DEADLINE_MS) {
    sentences.push(
      `${whose} ${route === null ? 'have' : 'has'} the default deadline of 120,000 ms: the router leaves a hanging deployment only after ${format(attemptTimeoutMs ?? deadlineMs)} ms. Set \`deadlineMs\` to how long your callers wait.`,
    );
  }
  if (found.failed > 0 && maxAttempts > 1) {
    for (const id of usable.slice(1)) {
      if (found.deployments[id]?.attempts === 0)
        sentences.push(`${id} was never tried, although ${format(found.failed)} calls failed.`);
    }
  }
  const outages = found.faults.filter(({ isOutage }) => isOutage);
  const allDown = outages.find(
    ({ fromMs }) =>
      usable.length > 0 &&
      usable.every((id) => outages.some((each) => each.at.includes(id) && each.fromMs <= fromMs && fromMs < each.toMs)),
  );
  if (allDown !== undefined) {
    sentences.push(
      `${whose} had all deployments down at once, first after ${format(allDown.fromMs / 1000)} s. No router can help when they all fail together.`,
    );
  }
  const alone = found.failedCalls.filter(
    ({ record }) =>
      isLate(record?.attempts.at(-1)?.outcome) &&
      new Set(record?.attempts.map(({ deployment }) => deployment)).size === 1,
  );
  if (second !== undefined && alone.length * 2 > found.failedCalls.length) {
    sentences.push(
      `The deadline leaves no time for a failover: ${format(alone.length)} of the ${format(found.failedCalls.length)} recorded failed calls tried only one deployment before it.`,
    );
  }
  return sentences;
}

function aboutDeployment(
  id: string,
  { attempts, wasted, breaker, retriesWithheld }: SimulatedDeployment,
  { durationMs }: Found,
): string[] {
  const sentences: string[] = [];
  const allowed = MANY_WASTED * Math.max(1, durationMs / WINDOW_MS);
  if (wasted > allowed && breaker.length === 1) {
    sentences.push(
      `${id} got ${format(wasted)} requests while it was down, and its breaker never opened: is \`breaker\` off, or are its limits too wide?`,
    );
  } else if (wasted > allowed) {
    sentences.push(
      `${id} got ${format(wasted)} requests while it was down: its breaker opens late, or probes often. Look at \`breaker\`.`,
    );
  }
  if (retriesWithheld > 0) {
    sentences.push(
      `The retry budget withheld ${format(retriesWithheld)} retries of ${id}, and their calls failed: give its route another deployment, or look at \`retry.budget\` and \`retry.minPerSecond\`.`,
    );
  }
  return attempts === 0 ? [] : sentences;
}

function aboutFault({ at, behavior, fromMs, toMs, share, struck }: FaultReport): string[] {
  if (struck > 0 || share === 0) return [];
  const when = `from ${format(fromMs / 1000)} s to ${format(toMs / 1000)} s`;
  return [
    `A fault affected no request to ${at.join(', ')} ${when} (${behavior}): none was sent that it would have affected.`,
  ];
}

function aboutAll({ load, costUsd, answered, durationMs, errors, calls }: Found): string[] {
  const sentences: string[] = [];
  for (const [name, limits] of Object.entries(LIMITS)) {
    const refused = errors[name] ?? 0;
    if (refused > 0)
      sentences.push(`A limit refused ${format(refused)} of ${format(calls)} calls before they were sent: ${limits}.`);
  }
  if (load !== null && load > MUCH_LOAD) {
    sentences.push(`${load.toFixed(2)} upstream calls were made for each call.`);
  }
  if (costUsd === null && answered > 0)
    sentences.push('No deployment that answered has a `price`, so the cost is unknown.');
  return durationMs === 0 ? [] : sentences;
}

function isLate(outcome: string | undefined): boolean {
  return outcome === 'deadline' || outcome === 'timeout';
}

const format = (n: number) => Math.round(n).toLocaleString('en-US');
