import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CALL_OPTIONS } from '../../../src/options/call-options.js';
import { DEPLOYMENT_KEYS, SETTING_KEYS } from '../../../src/options/option-keys.js';
import { OPTION_PAGES, optionsOfInterface, optionsPage } from '../../helpers/options-page.js';

describe('the pages of the options', () => {
  it.each(Object.entries(OPTION_PAGES))('docs/%s matches the docblocks: UPDATE_DOCS=1 writes it', (file, contents) => {
    const page = optionsPage(contents);
    if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(`docs/${file}`, page);
    expect(readFileSync(`docs/${file}`, 'utf8')).toBe(page);
  });

  it('list every option', () => {
    const named = (type: string) => optionsOfInterface(type).map(({ name }) => name);
    const ofCalls = [...named('CallOptions'), ...named('SingleCallOptions')];
    expect(ofCalls.sort()).toEqual(Object.keys(CALL_OPTIONS).sort());
    expect([...named('CallOptions'), ...named('RouterSettings')].sort()).toEqual([...SETTING_KEYS].sort());
    expect(named('DeploymentOptions').sort()).toEqual([...DEPLOYMENT_KEYS].sort());
  });

  it('show the defaults of the table', () => {
    for (const { name, default: written } of [
      ...optionsOfInterface('CallOptions'),
      ...optionsOfInterface('SingleCallOptions'),
    ]) {
      const { default: value }: { default: unknown } = CALL_OPTIONS[name as keyof typeof CALL_OPTIONS];
      if (value === undefined) continue;
      const shown = written
        .split(/[,;] /)[0]
        ?.replace(/(?<=\d)_(?=\d)/g, '')
        .replaceAll("'", '');
      expect([name, shown]).toEqual([name, String(value)]);
    }
  });

  it.each([
    'CallOptions',
    'CacheOptions',
    'RouterSettings',
    'DeploymentOptions',
    'BreakerOptions',
    'RetryOptions',
    'SlaOptions',
  ])('show the unit of each value that has one: %s', (type) => {
    for (const { name, text } of optionsOfInterface(type)) {
      if (name.endsWith('Ms')) expect([name, text]).toEqual([name, expect.stringMatching(/milliseconds|wait/i)]);
      if (name.endsWith('Usd')) expect([name, text]).toEqual([name, expect.stringContaining('US dollars')]);
    }
  });
});
