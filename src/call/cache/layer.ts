import type { Layer } from '../../pipeline.js';
import type { Call, CallReply } from '../../types.js';
import { eligibilityOf } from './eligibility.js';
import { answerVectors } from './embeddings.js';
import { type CacheParts, ResponseCache } from './response-cache.js';
import { answerWhole } from './whole-answer.js';

/** Answers from the cache, joins equal calls in flight, and stores new answers. Without the option it does nothing. */
export function cache(parts: CacheParts): Layer<Call, CallReply> {
  return (next) => {
    const cached = new ResponseCache(parts, next);
    return function cache(call) {
      const { cacheRequest: request, settings } = call;
      if (request === undefined || settings.cache === undefined) return next(call);
      if (!eligibilityOf(call).cacheable) return cached.bypass(call);
      const answer = call.protocol === 'embeddings' ? answerVectors : answerWhole;
      try {
        return answer(cached, call, request, settings.cache) ?? cached.bypass(call);
      } catch {
        // The body cannot be written as JSON, for which the SDK has a better error, or it has too many values.
        return cached.bypass(call);
      }
    };
  };
}
