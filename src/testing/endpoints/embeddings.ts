import { encodeBase64 } from '../../util/base64.js';
import { asNumber, asString } from '../json.js';
import { countTokens } from '../tokens.js';
import { json, type ModelEndpoint } from './endpoint.js';

/** The default length of a vector: short, so that a test's output is readable. */
const usualDimensions = 8;

export const embeddings: ModelEndpoint = {
  path: '/embeddings',
  required: ['model', 'input'],
  plain: ({ body, answer, model, servedModel }) => {
    const inputs = inputsOf(body.input);
    const dimensions = asNumber(body.dimensions) ?? usualDimensions;
    const vectors = inputs.map((input) => embed(model, input, dimensions));
    const given = answer.usage === false ? undefined : (answer.usage ?? {});
    const tokens = given?.inputTokens ?? inputs.reduce((sum, input) => sum + countTokens(input), 0);
    return json({
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: body.encoding_format === 'base64' ? base64(vector) : vector,
      })),
      model: servedModel,
      ...(given && { usage: { prompt_tokens: tokens, total_tokens: tokens, ...given.extra } }),
    });
  },
};

/** A text, a list of texts, tokens, or a list of token lists. */
function inputsOf(input: unknown): string[] {
  if (!Array.isArray(input)) return [asString(input) ?? JSON.stringify(input)];
  if (input.every((token) => typeof token === 'number')) return [JSON.stringify(input)];
  return input.map((text) => asString(text) ?? JSON.stringify(text));
}

/** The vector of a text, with length 1. It depends only on the model, the text and the number of dimensions. */
export function embed(model: string, input: string, dimensions = usualDimensions): number[] {
  let state = hash(`${model}\n${input}`);
  const raw = Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const length = Math.hypot(...raw) || 1;
  // As 32-bit floats, because base64 has no more precision: both encodings give the same vector.
  return raw.map((value) => Math.fround(value / length));
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  return state >>> 0;
}

function base64(vector: readonly number[]): string {
  return encodeBase64(new Uint8Array(Float32Array.from(vector).buffer));
}
