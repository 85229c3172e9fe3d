import { InvalidOptionError } from '../errors.js';
import { unknownOption } from '../util/check.js';
import { CALL_KEYS } from './call-options.js';
import { DEPLOYMENT_KEYS, SETTING_KEYS } from './option-keys.js';

/** Names that are also valid in other places. */
const ALSO_ELSEWHERE = ['client', 'headers', 'region'];
/** The SDK's own options of one call, and the router's equivalents. */
const OF_THE_SDK: ReadonlyMap<string, string> = new Map([
  ['timeout', ', or attemptTimeoutMs'],
  ['maxRetries', ', or maxAttempts, which is one more'],
  ['signal', ''],
  ['headers', ''],
  ['query', ''],
  ['idempotencyKey', ''],
]);

const has = (names: readonly string[], key: string) => names.includes(key);

/** Says where a deployment's option belongs that was set somewhere else. */
export function misplacedOption(key: string): string | undefined {
  const isOnlyThere = has(DEPLOYMENT_KEYS, key) && !has(SETTING_KEYS, key) && !has(ALSO_ELSEWHERE, key);
  return isOnlyThere ? `it is an option of a deployment: deployments.NAME.${key}.` : undefined;
}

/** No option is ignored: the error says where a misplaced option belongs, or suggests the nearest option. */
export function checkPlaces(path: string, value: object, allowed: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (has(allowed, key)) continue;
    // `prices` of a deployment is its `price`, and not the constructor's.
    const isPlural = has(allowed, key.replace(/s$/, ''));
    const place = isPlural ? undefined : (misplacedOption(key) ?? placeOf(key));
    if (place === undefined) unknownOption(path, key, allowed);
    throw new InvalidOptionError(path === '' ? key : `${path}.${key}`, place);
  }
}

function placeOf(key: string): string | undefined {
  if (has(CALL_KEYS, key))
    return `it is an option of a call: give it to the constructor, on a route, or by callOptions({ ${key} }).`;
  if (has(SETTING_KEYS, key) || key === 'clients')
    return `it is an option of the constructor: new ModelRouter({ ${key} }).`;
  const same = OF_THE_SDK.get(key);
  if (same === undefined) return undefined;
  return `it is an option of the SDK: set it next to callOptions, as in create(body, { ...callOptions({ … }), ${key} })${same}.`;
}
