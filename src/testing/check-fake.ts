import { checkKeys, checkRecord, checkSecretRecord } from '../util/check.js';
import type { FakeOptions } from './fake-options.js';

const KEYS = Object.keys({
  models: true,
  unknownModels: true,
  withoutModel: true,
  servedModels: true,
  apiKeys: true,
  random: true,
  keep: true,
  name: true,
} satisfies Record<keyof FakeOptions, true>);

/**
 * Checks the options of a fake, because plain JavaScript has no types that would.
 *
 * @param more its own options, beside those of both fakes
 * @throws InvalidOptionError
 */
export function checkFake(name: string, options: unknown, more: readonly string[]): void {
  const record = checkRecord(name, options);
  checkKeys(name, record, [...KEYS, ...more], 'docs/testing.md');
  const { models, apiKeys } = record;
  if (models !== undefined && !Array.isArray(models))
    checkRecord(`${name}.models`, models, 'an object of scripts by model, or an array of names');
  if (apiKeys !== undefined && !Array.isArray(apiKeys))
    checkSecretRecord(`${name}.apiKeys`, apiKeys, 'an object of keys by name, or an array of keys');
}
