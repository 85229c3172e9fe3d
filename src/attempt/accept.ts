import { abortError, failure } from '../classify.js';
import { AttemptFailed, InvalidAnswerError } from '../errors.js';
import type { RouteConfig } from '../options/check-options.js';
import type { Layer } from '../pipeline.js';
import type { Attempt, Reply } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';
import { withDeadline } from '../util/with-deadline.js';

/**
 * Fails an attempt whose answer the route's `accept` refuses, or whose caller aborts meanwhile. A stream is checked only
 * if it was held until its end.
 */
export function accept(routes: ReadonlyMap<string, RouteConfig>, random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function accept(attempt) {
      const { record, wantsRaw } = attempt.call;
      const rule = routes.get(record.route ?? '')?.accept;
      if (rule === undefined || wantsRaw()) return next(attempt);
      attempt.isJudged = true;
      return accepted(attempt, rule, next(attempt)).then((reply) => {
        attempt.hedged?.win(attempt);
        return reply;
      });
    };

  async function accepted(
    attempt: Attempt,
    rule: (answer: unknown) => unknown,
    answered: Promise<Reply>,
  ): Promise<Reply> {
    const reply = await answered;
    const answer = reply.chunks === undefined ? reply.answer.data : reply.whole;
    if (reply.answer.raw || !isRecord(answer)) return reply;
    const refuses = await isRefused(attempt, rule, answer);
    const { signal } = attempt.call;
    if (!refuses && !signal?.aborted) return reply;
    reply.onEnd((end) => {
      attempt.refused = end;
    });
    if (signal?.aborted) throw abortError(signal.reason);
    const error = new InvalidAnswerError('`accept` refused the answer');
    const refused = failure('invalid-answer', error, performance.now(), random());
    throw new AttemptFailed({ ...refused, breaker: 'neutral', retry: 'no', target: attempt.target });
  }
}

async function isRefused({ call }: Attempt, rule: (answer: unknown) => unknown, answer: object): Promise<boolean> {
  try {
    const copy: unknown = JSON.parse(jsonText(answer));
    return (await withDeadline(call.deadline, Promise.resolve(rule(copy)), call.signal)) === false;
  } catch {
    const { id, route } = call.record;
    call.log.warn(`${id} \`accept\` of the route ${route} failed; the answer is returned`);
    return false;
  }
}
