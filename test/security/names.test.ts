import { callOptions } from 'model-router';
import { describe, expect, it } from 'vitest';
import { NameHints } from '../../src/util/name-hints.js';
import { errorOf } from '../helpers/messages.js';
import { base, lines, messages, routerOver } from '../helpers/recorded-fetch.js';

/** Threat: a tenant names unlisted models, to get answers from them, or to keep the process busy. */
describe("unlistedModels: 'refuse'", () => {
  const refusing = () => routerOver(() => Response.json({}), { unlistedModels: 'refuse', logLevel: 'off' });

  it.each([undefined, null, 5, ['m'], { toString: () => 'm' }, '', 'other', true])(
    'refuses the model %j',
    async (model) => {
      const { router, sent } = refusing();
      const body = { messages, ...(model !== undefined && { model }) };
      const calls = [
        () => router.chat.completions.create(body as never),
        () => router.embeddings.create({ ...body, input: 'x' } as never),
        () => router.post('/moderations', { body }),
        () => router.responses.create(body as never),
      ];
      for (const call of calls)
        expect(await errorOf(call())).toMatchObject({ code: 'invalid_option', option: 'model' });
      const init = { method: 'POST', body: JSON.stringify(body) };
      for (const path of ['/chat/completions', '/images/generations', '/audio/speech'])
        expect((await router.asFetch()(base + path, init)).status).toBe(400);
      expect(sent).toEqual([]);
    },
  );

  it('refuses a form with a second model after a listed one', async () => {
    const { router, sent } = refusing();
    const body = new FormData();
    body.append('model', 'm');
    body.append('model', 'other');
    expect((await router.asFetch()(`${base}/audio/transcriptions`, { method: 'POST', body })).status).toBe(400);
    await router.post('/audio/transcriptions', { body });
    expect(sent).toHaveLength(1);
    for (const { body: written } of sent) expect(written).not.toContain('other');
  });

  it('still takes the option `route`', async () => {
    const { router, sent } = routerOver(() => Response.json({ choices: [] }), {
      unlistedModels: 'refuse',
      routes: { r: ['m'] },
      logLevel: 'off',
    });
    await errorOf(router.chat.completions.create({ model: 'x', messages }, callOptions({ route: 'r' })));
    expect(sent.length).toBeGreaterThan(0);
  });

  it('lists few names, however many there are', async () => {
    const names = Array.from({ length: 2000 }, (_, i) => `deployment-number-${i}`);
    const { router } = routerOver(() => Response.json({}), {
      deployments: Object.fromEntries(names.map((name) => [name, {}])),
      unlistedModels: 'refuse',
    });
    for (const model of [undefined, 'x'.repeat(1_000_000), 'deployment-nmber-1'])
      expect((await errorOf(router.chat.completions.create({ model, messages } as never))).message.length).toBeLessThan(
        600,
      );
  });
});

describe('the suggestion for a wrong name', () => {
  /** Counts how often the names are iterated. */
  const counted = () => {
    let count = 0;
    const hints = new NameHints(() => {
      count++;
      return ['summarise', 'translate'];
    });
    return { hints, count: () => count };
  };

  it('is looked up once for each name', () => {
    const { hints, count } = counted();
    for (let i = 0; i < 100; i++) expect(hints.nearest('sumarise')).toEqual(['summarise']);
    expect(count()).toBe(1);
  });

  it('is looked up only if someone listens', async () => {
    const { router } = routerOver(() => Response.json({ error: { code: 'model_not_found' } }, { status: 404 }), {
      logLevel: 'off',
    });
    const events: unknown[] = [];
    await errorOf(router.chat.completions.create({ model: 'n', messages }));
    router.on('model-not-found', (event) => events.push(event));
    await errorOf(router.chat.completions.create({ model: 'x'.repeat(1_000_000), messages }));
    expect(events).toMatchObject([{ model: 'x'.repeat(256), nearest: null }]);
  });
});

describe('a mistyped route that goes upstream', () => {
  const typed = async (names: string[], logLevel: 'warn' | 'error' = 'warn') => {
    const { logger, written } = lines();
    const { router } = routerOver(() => Response.json({ choices: [] }), {
      routes: { summarise: ['m'], qa: ['m'] },
      deployments: { m: {}, 'big-model': {} },
      logger,
      logLevel,
    });
    for (const model of names) await errorOf(router.chat.completions.create({ model, messages }));
    return written.filter((line) => line.includes('did you mean'));
  };

  it('causes one warning per name', async () => {
    const warnings = await typed(['summarize', 'summarize', 'big_model', 'Summarise', 'summarize']);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toContain('the model summarize is not listed');
    expect(warnings[0]).toContain('did you mean the route summarise?');
    expect(warnings[1]).toContain('did you mean the deployment big-model?');
  });

  it('causes none if the names are less alike, or very short, or no logger reads it', async () => {
    expect(await typed(['gpt-5', 'summary', 'q', 'q1', 'x'.repeat(1_000_000), 'summarise', 'm'])).toEqual([]);
    expect(await typed(['summarize'], 'error')).toEqual([]);
  });
});
