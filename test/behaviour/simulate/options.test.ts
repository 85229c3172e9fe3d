import { ModelRouter } from 'model-router';
import { bimodal, compare, empirical, lognormal, simulate } from 'model-router/simulate';
import { fail, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { small } from '../../helpers/simulated.js';

const mix = [{ model: 'standard', shares: 1 }];
const wrong: [option: string, changes: object, message: RegExp][] = [
  ['router', { router: {} }, /a function/],
  ['router', { router: () => ({}) }, /returns a ModelRouter/],
  ['traffic', { traffic: undefined }, /a rate, or a list of calls/],
  ['traffic.perSecond', { traffic: { perSecond: 0, durationMs: 1 } }, /0 is not allowed/],
  ['traffic.durationMs', { traffic: { perSecond: 1 } }, /milliseconds above 0/],
  ['traffic.arrivals', { traffic: { perSecond: 1, durationMs: 1, arrivals: 'random' } }, /"poisson", "even"/],
  ['traffic.mix[0].shares', { traffic: { perSecond: 1, durationMs: 1, mix } }, /did you mean `share`/],
  ['traffic.model', { traffic: { perSecond: 1, durationMs: 1, model: 'standard', mix: [{}] } }, /each entry of `mix`/],
  ['traffic.endpoint', { traffic: { perSecond: 1, durationMs: 1, endpoint: 'images' } }, /"chat"/],
  ['traffic.calls', { traffic: { calls: [] } }, /at least one/],
  ['traffic.calls[0].atMs', { traffic: { calls: [{ atMs: -1 }] } }, /-1 is not allowed/],
  ['upstreams.first', { upstreams: { first: 'slow' } }, /a behaviour such as hang\(\) or fail\(503\)/],
  ['upstreams', { upstreams: { frist: hang() } }, /perhaps first/],
  ['faults', { faults: {} }, /a list of faults/],
  ['faults[0].at', { faults: [{ behavior: hang() }] }, /a deployment/],
  ['faults[0].at', { faults: [{ at: 'secnd', behavior: hang() }] }, /perhaps second/],
  ['faults[0].behavior', { faults: [{ at: 'first', behavior: [] }] }, /a behaviour/],
  ['faults[0].share', { faults: [{ at: 'first', behavior: hang(), share: 1.1 }] }, /from 0 to 1/],
  ['faults[0].toMs', { faults: [{ at: 'first', behavior: hang(), fromMs: 5, toMs: 5 }] }, /after fromMs, 5/],
  [
    'faults[0].fromMs',
    { faults: [{ at: 'first', behavior: hang(), fromMs: 60_000 }] },
    /before the end of the traffic, 60000/,
  ],
  ['faults[0].behavior', { faults: [{ at: 'first', behavior: fail }] }, /fail must be called/],
  ['traffic.model', { traffic: { perSecond: 1, durationMs: 1000, model: 'standrd' } }, /perhaps standard/],
  ['traffic.calls[0].endpoint', { traffic: { calls: [{ atMs: 0, endpoint: 'chats' }] } }, /"chat"/],
  ['faults[0].until', { faults: [{ at: 'first', behavior: hang(), until: 5 }] }, /no such option/],
  ['baseline.retries', { baseline: { retries: 1 } }, /maxRetries/],
  ['seed', { seed: 1.5 }, /a whole number/],
  ['stepMs', { stepMs: 1 }, /at most 10000 steps/],
  ['maxFailedCalls', { maxFailedCalls: -1 }, /-1/],
  ['fault', { fault: [] }, /did you mean `faults`/],
];

it('treats an undefined option as absent', async () => {
  const call = { model: undefined, endpoint: undefined, body: undefined, options: undefined, streamShare: undefined };
  const fault = {
    at: 'first',
    behavior: fail(503),
    share: undefined,
    fromMs: undefined,
    toMs: undefined,
    burstMs: undefined,
  };
  const rate = { perSecond: 1, durationMs: 5000 };
  const rest = { seed: undefined, stepMs: undefined, maxFailedCalls: undefined, onProgress: undefined };
  const given = await simulate(
    small({
      traffic: { ...rate, ...call, arrivals: undefined, mix: [{ ...call, model: 'standard', share: undefined }] },
      faults: [fault],
      baseline: { maxRetries: undefined, timeoutMs: undefined },
      ...rest,
    }),
  );
  const absent = await simulate(
    small({ traffic: { ...rate, model: 'standard' }, faults: [{ at: 'first', behavior: fail(503) }], baseline: {} }),
  );
  expect(given).toEqual(absent);
});

describe('an invalid option of a simulation is named', () => {
  it.each(wrong)('%s: %o', async (option, changes, message) => {
    const options: Parameters<typeof simulate>[0] = { ...small(), ...changes };
    await expect(simulate(options)).rejects.toMatchObject({ name: 'InvalidOptionError', option });
    await expect(simulate(options)).rejects.toThrow(message);
  });

  it('of latencies', () => {
    expect(() => lognormal({ medianMs: 0 })).toThrow(/lognormal\.medianMs/);
    expect(() => lognormal({ medianMs: 1, sigma: -1 })).toThrow(/lognormal\.sigma/);
    expect(() => bimodal({ medianMs: 1, slowShare: 2 })).toThrow(/bimodal\.slowShare/);
    expect(() => empirical([])).toThrow(/empirical/);
    expect(() => empirical([1, -1])).toThrow(/empirical\[1\]/);
  });

  it('of a comparison', async () => {
    const trace = JSON.stringify({ attempts: [], durationMs: 1, cache: 'off', requestedModel: 'a' });
    const configurations = { now: () => new ModelRouter({ apiKey: 'k' }) };
    await expect(compare({ trace, configurations: {} })).rejects.toThrow(/at least one/);
    await expect(compare({ trace, configurations, perSecond: 0 })).rejects.toThrow(/perSecond/);
    await expect(compare({ trace: '', configurations })).rejects.toThrow(/it is empty/);
  });
});
