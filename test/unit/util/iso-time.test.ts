import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isoNow } from '../../../src/util/iso-time.js';

describe('isoNow', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([0, 7, 42, 999, 1000, 1_700_000_000_123, 253_402_300_799_999, 1500, 999])(
    'writes %i ms as Date does',
    (ms) => {
      vi.setSystemTime(ms);
      expect(isoNow()).toBe(new Date(ms).toISOString());
    },
  );

  it('follows a clock that goes back', () => {
    for (const ms of [61_234, 1234, 61_234, 60_001]) {
      vi.setSystemTime(ms);
      expect(isoNow()).toBe(new Date(ms).toISOString());
    }
  });
});
