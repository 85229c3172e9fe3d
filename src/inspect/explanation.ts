import { showUsd } from '../util/money.js';
import { escapeControls } from '../util/shown.js';

/** The plan for a call. `String()` returns readable text. */
export interface Explanation {
  /** `null` for a call that names a deployment or an unlisted model. */
  route: string | null;
  priority: string;
  /**
   * In failover order, starting with the deployment that the next call tries first. `excluded` says why a deployment
   * cannot be used now; those come last.
   */
  deployments: { id: string; excluded?: string }[];
  /** The time for the whole call, in milliseconds. */
  deadlineMs: number;
  /** The time for the first attempt, in milliseconds; `null` if no attempt would be made. */
  attemptTimeoutMs: number | null;
  /** Including the first attempt. */
  maxAttempts: number;
  /** When a hedge of the first attempt would start, in milliseconds; `null` if none would. */
  hedgeAfterMs: number | null;
  /** Why no hedge would start, in words. */
  hedgeDisabledReason: string | null;
  /** Whether and why the cache may answer the call, and the parts of its cache key. */
  cache: { cacheable: boolean; why: string; key: { hash: string; parts: string[] } | null };
  /** The highest cost of all attempts together, in US dollars; `null` if no price is known. */
  maxCostUsd: number | null;
  /** The estimate with its margin, at the deployment that counts the most tokens. */
  inputTokens: number;
  /** Why the call would fail before anything is sent: a limit, or no available deployment; else `null`. */
  refusal: string | null;
  toString(): string;
}

/** What the text shows in addition to the explanation's own fields. */
export interface TextDetails {
  /** The strategy, `probe`, `recovery` or `priority`; `null` without a route. */
  readonly chosenBy: string | null;
  /** The wait before the first attempt; `undefined` if there would be no attempt. */
  readonly waitMs: number | undefined;
}

/** One line for the call, one for each deployment, then one for each limit. */
export function explanationText(explanation: Explanation, { chosenBy, waitMs }: TextDetails): string {
  const { route, priority, inputTokens, deployments, attemptTimeoutMs, deadlineMs, maxAttempts } = explanation;
  const { hedgeAfterMs, hedgeDisabledReason, cache, maxCostUsd, refusal } = explanation;
  const named = route === null ? 'no route' : `route ${route}`;
  const by = chosenBy === null ? '' : `, order by ${chosenBy}`;
  const wait = waitMs === undefined || waitMs <= 0 ? '' : `, after a wait of ${ms(waitMs)}`;
  const first =
    refusal === null && attemptTimeoutMs !== null ? `first, for at most ${ms(attemptTimeoutMs)}${wait}` : '';
  const usable = deployments.filter(({ excluded }) => excluded === undefined).length;
  const lines = [
    `${named}, priority ${priority}, about ${count(inputTokens, 'input token')}${by}`,
    ...deployments.map(({ id, excluded }, i) => {
      if (excluded !== undefined) return `  -  ${id}: excluded, ${excluded}`;
      const role =
        i > 0 ? `failover ${i}` : first || (refusal === null ? 'first, once it has a free slot' : 'not sent');
      return `  ${i + 1}. ${id}: ${role}`;
    }),
    `times: deadline ${ms(deadlineMs)}, ${count(maxAttempts, 'attempt')} at most${usable > 1 ? '' : ', no failover'}`,
    `hedge: ${hedgeAfterMs === null ? `none, ${hedgeDisabledReason}` : `after ${ms(hedgeAfterMs)}`}`,
    `cache: ${cache.cacheable ? 'may be cached' : 'not cached'}, ${cache.why}`,
    `cost: ${maxCostUsd === null ? 'not known' : `at most ${showUsd(maxCostUsd)}`}`,
    `refusal: ${refusal ?? 'none'}`,
  ];
  return lines.map(escapeControls).join('\n');
}

const ms = (value: number) => `${Math.ceil(value)} ms`;
const count = (value: number, what: string) => `${value} ${what}${value === 1 ? '' : 's'}`;
