import { asArray, asObject, asString, isObject, type JsonObject } from './json.js';

const deepest = 12;

/**
 * The smallest value that a JSON schema of structured outputs accepts: every property, one item per list, the first of
 * each choice.
 */
export function sampleJson(schema: unknown, root: unknown = schema, depth = 0): unknown {
  if (!isObject(schema) || depth > deepest) return null;
  const reference = asString(schema.$ref);
  if (reference !== undefined) return sampleJson(resolve(root, reference), root, depth + 1);
  if ('const' in schema) return schema.const;
  const choices = asArray(schema.enum);
  if (choices.length > 0) return choices[0];
  const [variant] = [...asArray(schema.anyOf), ...asArray(schema.oneOf), ...asArray(schema.allOf)];
  if (variant !== undefined) return sampleJson(variant, root, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  return sampleOf(type, schema, root, depth + 1);
}

function sampleOf(type: unknown, schema: JsonObject, root: unknown, depth: number): unknown {
  switch (type) {
    case 'string':
      return 'text';
    case 'number':
    case 'integer':
      return typeof schema.minimum === 'number' ? schema.minimum : 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      // Optional items end a schema that contains itself.
      return schema.items === undefined || depth > deepest / 2 ? [] : [sampleJson(schema.items, root, depth)];
    default:
      return Object.fromEntries(
        Object.entries(asObject(schema.properties)).map(([name, property]) => [
          name,
          sampleJson(property, root, depth),
        ]),
      );
  }
}

function resolve(root: unknown, reference: string): unknown {
  return reference
    .split('/')
    .slice(1)
    .reduce<unknown>((node, key) => asObject(node)[key.replaceAll('~1', '/').replaceAll('~0', '~')], root);
}
