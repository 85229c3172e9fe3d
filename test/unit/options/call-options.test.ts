import { describe, expect, it } from 'vitest';
import { CALL_KEYS, CALL_OPTIONS, SINGLE_CALL_KEYS, settingsOf } from '../../../src/options/call-options.js';
import { checkCall } from '../../../src/options/check-call.js';
import { DEPLOYMENT_KEYS, SETTING_KEYS } from '../../../src/options/option-keys.js';

const priorities = new Map([
  ['standard', 'a'],
  ['premium', 'b'],
]);

describe('the table of call options', () => {
  it('defines the keys: all of them for one call, all but `route` elsewhere', () => {
    expect(SINGLE_CALL_KEYS).toEqual(Object.keys(CALL_OPTIONS));
    expect(SINGLE_CALL_KEYS.filter((key) => !CALL_KEYS.some((each) => each === key))).toEqual(['route']);
    expect(SETTING_KEYS).toEqual(expect.arrayContaining([...CALL_KEYS]));
    expect(DEPLOYMENT_KEYS).toContain('price');
  });

  it('defines the settings of a call that sets nothing', () => {
    expect(settingsOf({}, priorities)).toMatchObject({
      priority: 'standard',
      deadlineMs: 120_000,
      deadlineIsDefault: true,
      attemptTimeoutMs: undefined,
      chunkTimeoutMs: 30_000,
      maxAttempts: 3,
      hedgeAfterMs: undefined,
      regions: undefined,
      cache: undefined,
      overBudget: 'refuse',
    });
  });

  it('converts short forms for the engine', () => {
    const given = { priority: 'high', regions: ['eu'], hedgeAfterMs: 'p95', cache: true, deadlineMs: 5 } as const;
    expect(settingsOf(given, priorities)).toMatchObject({
      priority: 'premium',
      regions: new Set(['eu']),
      hedgeAfterMs: 'p95',
      cache: { mode: 'all', ttlMs: 300_000 },
      deadlineIsDefault: false,
    });
  });

  it.each(CALL_KEYS)('checks %s wherever it is set, and refuses class instances', (key) => {
    expect(() => checkCall('routes.a', { [key]: new Date(0) }, priorities)).toThrow(`routes.a.${key}`);
  });

  it.each(SINGLE_CALL_KEYS)('accepts %s with its own default', (key) => {
    expect(() =>
      checkCall('', { [key]: CALL_OPTIONS[key].default }, priorities, SINGLE_CALL_KEYS as string[]),
    ).not.toThrow();
  });
});
