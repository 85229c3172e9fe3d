import { OpenAI } from 'openai';
import type { CallPlans } from './call-plans.js';
import type { VirtualClock } from './clock.js';
import { Upstreams } from './context.js';
import { FaultBook } from './fault-book.js';
import type { Baseline } from './result.js';
import { sendAll } from './send.js';
import { type Settled, sendCall } from './send-call.js';
import type { Settings } from './settings.js';
import { Tally } from './tally.js';
import { type DueCall, dueCalls, durationOf, kindsOf } from './traffic.js';

/**
 * Sends the same traffic to plain `OpenAI` clients, one for each client of the router: each call uses the deployment
 * that the router would try first. The caller waits as long as the router's deadline, so that both have the same limit.
 */
export async function runBaseline(settings: Settings, plans: CallPlans, clock: VirtualClock): Promise<Baseline> {
  const { seed, traffic, stepMs, baseline, onProgress } = settings;
  const { maxRetries, timeoutMs } = baseline ?? {};
  const durationMs = durationOf(traffic);
  const tally = new Tally(stepMs, durationMs);
  const book = new FaultBook(settings);
  const upstreams = new Upstreams(book, seed, () => tally.addUpstreamCall());
  upstreams.setDeployments(plans.routable);
  const clients = new Map<string, OpenAI>();
  for (const { first } of kindsOf(traffic).map((call) => plans.of(call))) {
    if (clients.has(first.client)) continue;
    clients.set(
      first.client,
      new OpenAI({
        apiKey: 'sk-simulated',
        baseURL: 'https://plain.test/v1',
        fetch: upstreams.fetchOf(first.client),
        ...(maxRetries !== undefined && { maxRetries }),
        ...(timeoutMs !== undefined && { timeout: timeoutMs }),
        logLevel: 'off',
      }),
    );
  }

  const send = async (due: DueCall): Promise<Settled> => {
    const { first, explanation } = plans.of(due.call);
    const client = clients.get(first.client);
    if (client === undefined) throw new Error('A call of a kind that is not in the traffic.');
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), explanation.deadlineMs);
    try {
      return await sendCall(client, due, first.model, controller.signal);
    } finally {
      clearTimeout(timer);
    }
  };
  await sendAll({
    clock,
    calls: dueCalls(traffic, seed),
    durationMs,
    longestMs: Math.max(...kindsOf(traffic).map((call) => plans.of(call).explanation.deadlineMs)),
    send,
    onSettled: (settled) => tally.add(settled),
    problem: () => upstreams.problem,
    onProgress: onProgress && ((share) => onProgress(0.5 + share / 2)),
  });
  return {
    ...tally.result(upstreams.count),
    client: `a plain OpenAI client of the first deployment, maxRetries ${maxRetries ?? 2}, timeout ${timeoutMs ?? 600_000} ms, given up on at the deadline`,
  };
}
