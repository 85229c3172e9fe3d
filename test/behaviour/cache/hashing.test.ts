import * as crypto from 'node:crypto';
import { callOptions } from 'model-router';
import { answer } from 'model-router/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as canonical from '../../../src/util/canonical.js';
import { ask, askStream, collect } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

vi.mock('node:crypto', { spy: true });
vi.mock('../../../src/util/canonical.js', { spy: true });

const worked = () =>
  [crypto.hash, crypto.createHash, canonical.canonicalText, canonical.jsonCopy].reduce(
    (sum, each) => sum + vi.mocked(each).mock.calls.length,
    0,
  );
afterEach(() => vi.clearAllMocks());

describe('what the cache costs', () => {
  it('is nothing while it is off: nothing is hashed, written out or copied', async () => {
    const { router } = build({ a: answer() });
    vi.clearAllMocks();
    await ask(router);
    await collect(await askStream(router));
    await router.embeddings.create({ model: 'standard', input: 'x' });
    expect(worked()).toBe(0);
    await ask(router, 'standard', callOptions({ cache: true }));
    expect(worked()).toBeGreaterThan(0);
  });

  it('is no hash in the memory of the router, for a miss and for a hit', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    await ask(router);
    await ask(router);
    await ask(router);
    expect(vi.mocked(crypto.hash)).not.toHaveBeenCalled();
    expect(vi.mocked(canonical.canonicalText)).not.toHaveBeenCalled();
    expect(router.snapshot().cache.hits).toBe(2);
  });
});
