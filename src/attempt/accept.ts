import { abortError, failure, LostError } from '../classify.js';
import { AttemptFailed, InvalidAnswerError } from '../errors.js';
import type { RouteConfig } from '../options/check-options.js';
import type { Layer } from '../pipeline.js';
import type { Attempt, HedgedAttempts, Reply } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';
import { withDeadline } from '../util/with-deadline.js';
import { keepEnd } from './keep-end.js';

/**
 * Fails an attempt whose answer the route's `accept` refuses, or whose caller aborts meanwhile. A stream is checked only
 * if it was held until its end.
 */
export function accept(routes: ReadonlyMap<string, RouteConfig>, random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function accept(attempt) {
      const { call, hedged } = attempt;
      const rule = routes.get(call.record.route ?? '')?.accept;
      if (rule === undefined || call.wantsRaw()) return next(attempt);
      const judge = (answered: Promise<Reply>) => accepted(attempt, rule, answered);
      return hedged === undefined ? judge(next(attempt)) : judgedBesideOthers(attempt, hedged, next(attempt), judge);
    };

  async function accepted(
    attempt: Attempt,
    rule: (answer: unknown) => unknown,
    answered: Promise<Reply>,
  ): Promise<Reply> {
    const reply = await answered;
    const answer = reply.chunks === undefined ? reply.answer.data : reply.whole;
    if (reply.answer.raw || !isRecord(answer)) return reply;
    attempt.answeredAt = performance.now();
    const refuses = await isRefused(attempt, rule, answer);
    const { signal } = attempt.call;
    if (!refuses && !signal?.aborted) return reply;
    keepEnd(attempt, reply);
    if (signal?.aborted) throw abortError(signal.reason);
    const error = new InvalidAnswerError('`accept` refused the answer');
    const refused = failure('invalid-answer', error, performance.now(), random());
    throw new AttemptFailed({ ...refused, breaker: 'neutral', retry: 'no', target: attempt.target });
  }
}

/**
 * An answer of a hedged call wins when it is accepted. If another one wins while it is held or judged, it ends at once,
 * and is billed as far as it has come.
 */
function judgedBesideOthers(
  attempt: Attempt,
  hedged: HedgedAttempts,
  answered: Promise<Reply>,
  judge: (answered: Promise<Reply>) => Promise<Reply>,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let isLost = false;
    let held: Reply | undefined;
    attempt.onLost = (reply) => {
      isLost = true;
      void reply.chunks?.return?.();
      keepEnd(attempt, held ?? reply);
      reject(new AttemptFailed({ ...failure('lost', new LostError(), performance.now(), 0), target: attempt.target }));
    };
    const noted = answered.then((reply) => {
      held = reply;
      return reply;
    });
    judge(noted).then((reply) => {
      if (isLost) return;
      hedged.win(attempt);
      resolve(reply);
    }, reject);
  });
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
