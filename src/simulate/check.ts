import { InvalidOptionError } from '../errors.js';
import type { ModelRouter } from '../model-router.js';
import { whyNoScript } from '../testing/script.js';
import {
  checkFunction,
  checkKeys,
  checkMs,
  checkNumber,
  checkOneOf,
  checkRecord,
  invalidOption,
} from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { nearest } from '../util/nearest.js';
import { deploymentsOf, HEALTHY } from './fault-book.js';
import type { BaselineOptions, SimulatedFault, SimulateOptions, Traffic } from './options.js';
import type { Settings } from './settings.js';
import { durationOf, isPlanned } from './traffic.js';

const PAGE = 'docs/simulation.md';
const STEPS = 60;
const LEAST_STEP_MS = 1000;
const MOST_STEPS = 10_000;
const MOST_CALLS = 5_000_000;
const SHARE = { least: 0, most: 1, what: 'a share from 0 to 1' };
const WEIGHT = { above: 0, most: Number.MAX_VALUE, what: 'a number above 0' };
const TIME = { least: 0, most: Number.MAX_VALUE, what: 'milliseconds from 0 on' };
const CALL_KEYS = ['model', 'endpoint', 'body', 'options'];
const SHARE_KEYS = [...CALL_KEYS, 'streamShare'];

export function checkOptions(options: SimulateOptions): Settings {
  checkRecord('options', options);
  checkKeys(
    '',
    options,
    ['router', 'traffic', 'upstreams', 'faults', 'baseline', 'seed', 'stepMs', 'maxFailedCalls', 'onProgress'],
    PAGE,
  );
  const { router, traffic, upstreams = {}, faults = [], seed = 1, maxFailedCalls = 20, onProgress } = options;
  checkFunction('router', router);
  checkTraffic(traffic);
  for (const [id, script] of Object.entries(checkRecord('upstreams', upstreams)))
    checkScript(`upstreams.${id}`, script);
  if (!Array.isArray(faults)) invalidOption('faults', faults, 'a list of faults');
  const lastMs = isPlanned(traffic) ? Number.POSITIVE_INFINITY : durationOf(traffic);
  for (const [i, fault] of faults.entries()) {
    checkFault(`faults[${i}]`, fault);
    // The last planned call may still run after it has begun.
    if ((fault.fromMs ?? 0) >= lastMs)
      invalidOption(`faults[${i}].fromMs`, fault.fromMs, `milliseconds before the end of the traffic, ${lastMs}`);
  }
  checkNumber('seed', seed, { least: 0, most: 2 ** 32 - 1, whole: true, what: 'a whole number from 0 to 2^32 - 1' });
  checkNumber('maxFailedCalls', maxFailedCalls, {
    least: 0,
    most: 100_000,
    whole: true,
    what: 'a whole number from 0 on',
  });
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const durationMs = durationOf(traffic);
  const stepMs = options.stepMs ?? Math.max(LEAST_STEP_MS, Math.ceil(durationMs / STEPS / 1000) * 1000);
  checkMs('stepMs', stepMs);
  if (durationMs / stepMs > MOST_STEPS)
    invalidOption('stepMs', stepMs, `milliseconds that make at most ${MOST_STEPS} steps`);
  const baseline = checkBaseline(options.baseline ?? false);
  return {
    router,
    traffic,
    upstreams,
    faults,
    seed,
    stepMs,
    maxFailedCalls,
    onProgress,
    baseline,
    mayNameOthers: false,
    usual: () => HEALTHY,
  };
}

/** By shape, because there may be two copies of the package. */
export function checkRouter(router: ModelRouter): void {
  const isRouter =
    isRecord(router) && typeof router['snapshot'] === 'function' && typeof router['explain'] === 'function';
  if (!isRouter) invalidOption('router', router, 'a function that returns a ModelRouter');
}

/** Checks that need the router: that the named deployments exist. */
export function checkDeploymentNames({ upstreams, faults }: Settings, known: readonly string[]): void {
  const check = (option: string, id: string) => {
    // Unlisted models share one deployment per client, which exists only after its first use.
    if (known.includes(id) || id.endsWith('/*')) return;
    const [meant] = nearest(id, known, 1);
    invalidOption(
      option,
      id,
      meant === undefined ? `one of the deployments ${known.join(', ')}` : `a deployment, perhaps ${meant}`,
    );
  };
  for (const id of Object.keys(upstreams)) check('upstreams', id);
  for (const [i, fault] of faults.entries()) for (const id of deploymentsOf(fault)) check(`faults[${i}].at`, id);
}

/**
 * A model that the router would pass on unchanged, and that resembles a known name, counts as misspelt, unless there is
 * a setting for unlisted models.
 */
export function checkModels(
  { upstreams, faults }: Settings,
  unlisted: readonly string[],
  known: readonly string[],
): void {
  if ([...Object.keys(upstreams), ...faults.flatMap(deploymentsOf)].some((id) => id.endsWith('/*'))) return;
  for (const model of unlisted) {
    const [meant] = nearest(model, known, 1);
    if (meant === undefined) continue;
    invalidOption(
      'traffic.model',
      model,
      `a route or a deployment, perhaps ${meant}; or say in \`upstreams\` what 'CLIENT/*' does`,
    );
  }
}

function checkTraffic(traffic: Traffic): void {
  checkRecord('traffic', traffic, 'a rate, or a list of calls');
  if (isPlanned(traffic)) {
    checkKeys('traffic', traffic, ['calls']);
    const { calls } = traffic;
    if (!Array.isArray(calls) || calls.length === 0)
      invalidOption('traffic.calls', calls, 'a list of calls, at least one');
    calls.forEach((call, i) => {
      const path = `traffic.calls[${i}]`;
      checkCall(path, call, [...CALL_KEYS, 'atMs', 'stream']);
      checkNumber(`${path}.atMs`, call.atMs, TIME);
    });
    return;
  }
  const { perSecond, durationMs, arrivals, mix } = traffic;
  checkCall('traffic', traffic, [...SHARE_KEYS, 'perSecond', 'durationMs', 'arrivals', 'mix']);
  checkNumber('traffic.perSecond', perSecond, WEIGHT);
  checkMs('traffic.durationMs', durationMs);
  if ((perSecond * durationMs) / 1000 > MOST_CALLS)
    invalidOption('traffic', perSecond, `at most ${MOST_CALLS} calls in all`);
  if (arrivals !== undefined) checkOneOf('traffic.arrivals', arrivals, ['poisson', 'even']);
  if (mix === undefined) return;
  if (!Array.isArray(mix) || mix.length === 0)
    invalidOption('traffic.mix', mix, 'a list of kinds of calls, at least one');
  for (const key of SHARE_KEYS) {
    const given: unknown = Reflect.get(traffic, key);
    if (given !== undefined) invalidOption(`traffic.${key}`, given, 'it in each entry of `mix` instead');
  }
  mix.forEach((each, i) => {
    checkCall(`traffic.mix[${i}]`, each, [...SHARE_KEYS, 'share']);
    if (each.share !== undefined) checkNumber(`traffic.mix[${i}].share`, each.share, WEIGHT);
  });
}

function checkCall(path: string, call: object, keys: readonly string[]): void {
  const { model, endpoint, body, options, streamShare, stream } = checkRecord(path, call);
  checkKeys(path, call, keys, PAGE);
  if (model !== undefined && typeof model !== 'string')
    invalidOption(`${path}.model`, model, 'the name of a route or deployment');
  if (endpoint !== undefined) checkOneOf(`${path}.endpoint`, endpoint, ['chat', 'responses', 'embeddings']);
  if (body !== undefined && typeof body !== 'function') checkRecord(`${path}.body`, body, 'an object, or a function');
  if (options !== undefined) checkRecord(`${path}.options`, options);
  if (streamShare !== undefined) checkNumber(`${path}.streamShare`, streamShare, SHARE);
  if (stream !== undefined && typeof stream !== 'boolean') invalidOption(`${path}.stream`, stream, 'true or false');
  if (endpoint === 'embeddings' && (stream === true || Number(streamShare ?? 0) > 0)) {
    invalidOption(`${path}.endpoint`, endpoint, 'another one: there are no streams of embeddings');
  }
}

function checkFault(path: string, fault: SimulatedFault): void {
  checkRecord(path, fault, 'a fault: { at, behavior, share, fromMs, toMs, burstMs }');
  checkKeys(path, fault, ['at', 'behavior', 'share', 'fromMs', 'toMs', 'burstMs']);
  const { at, behavior, share, fromMs = 0, toMs, burstMs } = fault;
  const isNames =
    typeof at === 'string' || (Array.isArray(at) && at.length > 0 && at.every((id) => typeof id === 'string'));
  if (!isNames) invalidOption(`${path}.at`, at, 'a deployment, or a list of them');
  checkScript(`${path}.behavior`, behavior);
  if (share !== undefined) checkNumber(`${path}.share`, share, SHARE);
  checkNumber(`${path}.fromMs`, fromMs, TIME);
  if (toMs !== undefined)
    checkNumber(`${path}.toMs`, toMs, {
      above: fromMs,
      most: Number.MAX_VALUE,
      what: `milliseconds after fromMs, ${fromMs}`,
    });
  if (burstMs !== undefined) checkMs(`${path}.burstMs`, burstMs);
}

function checkScript(path: string, script: unknown): void {
  const why = whyNoScript(script);
  if (why === undefined) return;
  const allowed = 'a behaviour such as hang() or fail(503), a list of them, or a function that returns one';
  throw new InvalidOptionError(path, `it is not allowed; give ${allowed}. ${why}.`);
}

function checkBaseline(baseline: boolean | BaselineOptions): BaselineOptions | undefined {
  if (typeof baseline === 'boolean') return baseline ? {} : undefined;
  checkRecord('baseline', baseline, 'true, false or { maxRetries, timeoutMs }');
  checkKeys('baseline', baseline, ['maxRetries', 'timeoutMs']);
  const { maxRetries, timeoutMs } = baseline;
  if (maxRetries !== undefined)
    checkNumber('baseline.maxRetries', maxRetries, {
      least: 0,
      most: 100,
      whole: true,
      what: 'a whole number from 0 on',
    });
  if (timeoutMs !== undefined) checkMs('baseline.timeoutMs', timeoutMs);
  return baseline;
}
