import { asNumber, asString, type JsonObject, unixSeconds } from '../json.js';
import { sse } from '../sse.js';
import { countTokens } from '../tokens.js';
import { json, type ModelCall, type ModelEndpoint } from './endpoint.js';

/** One transparent pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

export const imageGenerations = images('/images/generations', 'image_generation', ['prompt']);
export const imageEdits = images('/images/edits', 'image_edit', ['prompt']);
export const imageVariations = images('/images/variations', 'image_variation', []);

function images(path: string, event: string, required: readonly string[]): ModelEndpoint {
  return {
    path,
    required,
    defaultModel: 'gpt-image-1',

    plain: (call) => {
      const count = Math.max(1, asNumber(call.body.n) ?? 1);
      const usage = usageOf(call);
      return json({
        created: unixSeconds(),
        data: Array.from({ length: count }, () => imageOf(call)),
        ...looks(call),
        ...(usage && { usage }),
      });
    },

    *events(call) {
      const fields = { b64_json: png, created_at: unixSeconds(), ...looks(call) };
      for (let index = 0; index < (asNumber(call.body.partial_images) ?? 0); index += 1) {
        const type = `${event}.partial_image`;
        yield { part: 'content', text: sse({ type, partial_image_index: index, ...fields }, type) };
      }
      const type = `${event}.completed`;
      yield { part: 'finish', text: sse({ type, ...fields, usage: usageOf(call) }, type) };
    },
  };
}

/** Follows OpenAI: older models return links by default, newer ones always the image itself. */
function imageOf({ body, model, newId }: ModelCall): JsonObject {
  const linked = body.response_format === 'url' || (body.response_format === undefined && model.startsWith('dall-e'));
  return linked ? { url: `https://images.invalid/${newId('img-')}.png` } : { b64_json: png };
}

function looks({ body }: ModelCall): JsonObject {
  return {
    background: asString(body.background) ?? 'opaque',
    output_format: asString(body.output_format) ?? 'png',
    quality: asString(body.quality) ?? 'low',
    size: asString(body.size) ?? '1024x1024',
  };
}

function usageOf({ body, answer }: ModelCall): JsonObject | undefined {
  if (answer.usage === false) return undefined;
  const input = answer.usage?.inputTokens ?? countTokens(asString(body.prompt) ?? '');
  const output = answer.usage?.outputTokens ?? 100;
  return {
    input_tokens: input,
    input_tokens_details: { text_tokens: input, image_tokens: 0 },
    output_tokens: output,
    total_tokens: input + output,
    ...answer.usage?.extra,
  };
}
