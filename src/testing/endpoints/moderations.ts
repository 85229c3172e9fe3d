import { asString, type JsonObject } from '../json.js';
import { json, type ModelEndpoint } from './endpoint.js';

const categories = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/instructions',
  'self-harm/intent',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
];

/** Flags nothing; a script can set the whole `body` instead. */
export const moderations: ModelEndpoint = {
  path: '/moderations',
  required: ['input'],
  defaultModel: 'omni-moderation-latest',
  plain: ({ body, servedModel, newId }) => {
    const texts = Array.isArray(body.input) && body.input.every((input) => asString(input) !== undefined);
    const results = (texts && Array.isArray(body.input) ? body.input : [body.input]).map(() => unflagged());
    return json({ id: newId('modr-'), model: servedModel, results });
  },
};

function unflagged(): JsonObject {
  const each = <Value>(value: () => Value) => Object.fromEntries(categories.map((category) => [category, value()]));
  return {
    flagged: false,
    categories: each(() => false),
    category_scores: each(() => 0.0001),
    category_applied_input_types: each(() => ['text']),
  };
}
