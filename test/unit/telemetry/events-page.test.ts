import { readFileSync } from 'node:fs';
import * as router from 'model-router';
import { describe, expect, it } from 'vitest';
import { ERROR_OUTCOMES } from '../../../src/protocol/error-outcomes.js';
import { EVENT_TYPES } from '../../../src/telemetry/events.js';

/** The names in the first cells of the page's tables. */
const named = new Set(
  readFileSync('docs/errors-and-events.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)),
);
const missing = (names: readonly string[]) => names.filter((name) => !named.has(name));

describe('docs/errors-and-events.md', () => {
  it('has a row for each event', () => {
    expect(missing(EVENT_TYPES)).toEqual([]);
  });

  it('has a row for each error', () => {
    const errors = Object.keys(router).filter((name) => name.endsWith('Error'));
    expect(errors.length).toBeGreaterThan(5);
    expect(missing(errors)).toEqual([]);
  });

  it('has a row for each outcome', () => {
    expect(missing(['success', 'pending', 'deadline', 'interrupted', 'lost', 'aborted', ...ERROR_OUTCOMES])).toEqual(
      [],
    );
  });
});
