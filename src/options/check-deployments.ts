import { InvalidOptionError } from '../errors.js';
import { checkPrice } from '../prices/check-price.js';
import type { Capability } from '../types.js';
import {
  checkFunction,
  checkKeys,
  checkMs,
  checkNumber,
  checkRecord,
  checkString,
  checkStrings,
  checkWhole,
  invalidOption,
} from '../util/check.js';
import { checkName } from './check-names.js';
import { checkSla, type SlaConfig } from './check-sla.js';
import { checkWeight } from './check-strategy.js';
import { DEPLOYMENT_KEYS } from './option-keys.js';
import { checkPlaces } from './option-places.js';
import type { DeploymentOptions } from './options.js';

const CAPABILITIES = [
  'tools',
  'parallelToolCalls',
  'jsonSchema',
  'vision',
  'audio',
  'logprobs',
  'multipleChoices',
] as const satisfies readonly Capability[];

export interface DeploymentConfig extends Omit<DeploymentOptions, 'sla'> {
  readonly client: string;
  readonly model: string;
  readonly sla: SlaConfig | undefined;
}

/** Throws InvalidOptionError. */
export function checkDeployments(
  deployments: unknown,
  clientNames: ReadonlySet<string>,
  defaultClient: string,
): Map<string, DeploymentConfig> {
  const checked = new Map<string, DeploymentConfig>();
  if (deployments === undefined) return checked;
  for (const [name, value] of Object.entries(
    checkRecord('deployments', deployments, 'an object of deployments by name'),
  )) {
    const path = `deployments.${name}`;
    if (name === 'auto' || name.endsWith('/*')) {
      throw new InvalidOptionError(
        path,
        "this name is taken: `auto` is a route by priority, and `CLIENT/*` a client's unlisted models.",
      );
    }
    const given: DeploymentOptions = checkRecord(path, value, 'an object such as { client, model, price }');
    checkPlaces(path, given, DEPLOYMENT_KEYS);
    const {
      client = defaultClient,
      model = name,
      price,
      region,
      attemptTimeoutMs,
      adapt,
      contextWindow,
      maxOutputTokens,
      capabilities,
      headers,
      streamUsage,
      embeddingSpace,
      weight,
      maxConcurrent,
      maxQueue,
      rpm,
      tpm,
    } = given;
    checkName(`${path}.client`, client, clientNames, 'client');
    checkString(`${path}.model`, model, 'the name of a model');
    if (region !== undefined) checkRegion(`${path}.region`, region);
    if (attemptTimeoutMs !== undefined) checkMs(`${path}.attemptTimeoutMs`, attemptTimeoutMs);
    if (adapt !== undefined) checkFunction(`${path}.adapt`, adapt);
    if (contextWindow !== undefined) checkWhole(`${path}.contextWindow`, contextWindow, 1);
    if (maxOutputTokens !== undefined) checkWhole(`${path}.maxOutputTokens`, maxOutputTokens, 1);
    if (capabilities !== undefined) checkCapabilities(`${path}.capabilities`, capabilities);
    if (headers !== undefined) checkHeaders(`${path}.headers`, headers);
    if (streamUsage !== undefined && typeof streamUsage !== 'boolean')
      invalidOption(`${path}.streamUsage`, streamUsage, 'true or false');
    if (weight !== undefined) checkWeight(`${path}.weight`, weight);
    if (maxConcurrent !== undefined) checkWhole(`${path}.maxConcurrent`, maxConcurrent, 1);
    if (maxQueue !== undefined) checkWhole(`${path}.maxQueue`, maxQueue, 0);
    const perMinute = { above: 0, most: 1e12, what: 'a number above 0, a minute' };
    if (rpm !== undefined) checkNumber(`${path}.rpm`, rpm, perMinute);
    if (tpm !== undefined) checkNumber(`${path}.tpm`, tpm, perMinute);
    if (embeddingSpace !== undefined) checkString(`${path}.embeddingSpace`, embeddingSpace);
    checked.set(name, {
      ...given,
      client,
      model,
      sla: checkSla(`${path}.sla`, given.sla),
      ...(price !== undefined && { price: checkPrice(`${path}.price`, price) }),
    });
  }
  return checked;
}

function checkRegion(path: string, value: unknown): void {
  if (typeof value === 'string') checkString(path, value);
  else if (checkStrings(path, value, 'a region, or an array of every region where it may run').length === 0)
    throw new InvalidOptionError(path, 'it is empty; leave it out where the region is unknown.');
}

function checkCapabilities(path: string, value: unknown): void {
  const capabilities = checkRecord(path, value, 'an object of what it cannot do, such as { vision: false }');
  checkKeys(path, capabilities, CAPABILITIES);
  for (const [name, can] of Object.entries(capabilities)) {
    if (typeof can !== 'boolean') invalidOption(`${path}.${name}`, can, 'true or false');
  }
}

/** Headers that a deployment or a prefix adds. Throws InvalidOptionError. */
export function checkHeaders(path: string, value: unknown): void {
  for (const [name, header] of Object.entries(checkRecord(path, value, 'an object of names and values'))) {
    if (/^x-router-/i.test(name))
      throw new InvalidOptionError(`${path}.${name}`, 'X-Router-* headers never leave the process.');
    // A long number may be a secret, too.
    if (typeof header === 'number' && Math.abs(header) > 1e6)
      throw new InvalidOptionError(`${path}.${name}`, 'a number is not allowed; give a string.');
    checkString(`${path}.${name}`, header, 'a string that is not empty');
  }
}
