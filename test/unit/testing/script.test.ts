import { describe, expect, it } from 'vitest';
import { answer, fail, fakeFetch, type Models, type Script, startFakeProvider } from '../../../src/testing/index.js';
import { doorNames, doors, post } from './entry-points.js';

const path = '/chat/completions';
const url = `https://provider.test/v1${path}`;
const send = (model: string) => post({ model, messages: [] });

async function texts(script: Script, calls: number): Promise<string[]> {
  const fetch = fakeFetch({ models: { m: script } });
  const got: string[] = [];
  for (let call = 0; call < calls; call += 1) got.push(await contentOf(await fetch(url, send('m'))));
  return got;
}

async function contentOf(response: Response): Promise<string> {
  const { choices, error } = (await response.json()) as {
    choices?: [{ message: { content: string } }];
    error?: { message: string };
  };
  return choices?.[0].message.content ?? `${response.status}: ${error?.message}`;
}

describe('a script', () => {
  it('is one behaviour for all calls', async () => {
    expect(await texts(answer('a'), 2)).toEqual(['a', 'a']);
  });

  it('is a list whose last entry repeats', async () => {
    expect(await texts([answer('a'), fail(500, { message: 'b' }), answer('c')], 4)).toEqual(['a', '500: b', 'c', 'c']);
  });

  it('is a function of the request and of the number of earlier ones', async () => {
    expect(await texts(({ model }, n) => answer(`${model}${n}`), 3)).toEqual(['m0', 'm1', 'm2']);
  });

  it('is a list that may contain functions', async () => {
    expect(await texts([answer('a'), (_, n) => answer(`n${n}`)], 3)).toEqual(['a', 'n1', 'n2']);
  });

  it('answers with text made from the request', async () => {
    expect(await texts(answer({ content: ({ number }) => `request ${number}` }), 2)).toEqual([
      'request 1',
      'request 2',
    ]);
  });

  it('counts each model separately', async () => {
    const fetch = fakeFetch({ models: { a: [answer('1'), answer('2')], b: [answer('3'), answer('4')] } });
    const got: string[] = [];
    for (const model of ['a', 'b', 'a', 'b']) got.push(await contentOf(await fetch(url, send(model))));
    expect(got).toEqual(['1', '3', '2', '4']);
  });

  it('cannot be empty', () => {
    expect(() => fakeFetch([])).toThrow('A script needs at least one behaviour, got an empty list');
  });

  it.each<[string, unknown, string]>([
    ['a text', 'x', 'answer(\'Hello\') or fail(503), got "x"'],
    ['nothing', null, 'got null'],
    ['a behaviour without a type', {}, 'an object without a type'],
    ['a behaviour of a wrong type', { type: 'hangs' }, 'the type "hangs"'],
    ['a constructor that was not called', answer, 'answer must be called, answer(…)'],
    ['a list with one of them', [answer(), fail], 'fail must be called'],
  ])('cannot be %s', (_, script, message) => {
    const models = { m: script } as Record<string, Script>;
    expect(() => fakeFetch({ models })).toThrow(message);
    expect(() => fakeFetch({ unknownModels: script as Script })).toThrow(message);
    expect(() => fakeFetch({}).set('m', script as Script)).toThrow(message);
  });

  it('must not be a function that returns no behaviour: the client gets an error', async () => {
    const choose = (() => 'x') as unknown as Script;
    expect(await texts(choose, 1)).toEqual([expect.stringMatching(/^500: .*got "x" of a function/)]);
  });

  it('alone or in options is enough for a fake', () => {
    expect(() => fakeFetch('x' as unknown as Script)).toThrow('fakeFetch needs a script, or options');
  });

  it('alone serves every model, and requests that name none', async () => {
    const fetch = fakeFetch([answer('a'), fail(503), answer('c')]);
    expect(await contentOf(await fetch(url, send('x')))).toBe('a');
    expect((await fetch('https://provider.test/v1/models')).status).toBe(503);
    expect(await contentOf(await fetch(url, send('y')))).toBe('c');
  });
});

describe.each(doorNames)('a fake, %s', (name) => {
  it('can be replaced while it runs, and a new script starts at its beginning', async () => {
    await using door = await doors[name]({ models: { m: [answer('a'), answer('b')] } });
    const got = async () => contentOf(await door.fetch(path, send('m')));
    expect([await got(), await got()]).toEqual(['a', 'b']);
    door.fake.set('m', [answer('c'), answer('d')]);
    expect([await got(), await got()]).toEqual(['c', 'd']);
    door.fake.set('new', answer('e'));
    expect(await contentOf(await door.fetch(path, send('new')))).toBe('e');
    expect((await door.fetch('/models')).status).toBe(200);
    door.fake.set(undefined, fail(500));
    expect((await door.fetch('/models')).status).toBe(500);
  });

  it('refuses unknown models', async () => {
    await using door = await doors[name]({ models: ['m'] });
    const response = await door.fetch(path, send('x'));
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: {
        message: 'The model `x` does not exist or you do not have access to it.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    });
    expect(door.fake.requests).toMatchObject([{ model: 'x', status: 404, outcome: 'failed' }]);
  });

  it('answers unknown models if configured', async () => {
    await using door = await doors[name]({ unknownModels: 'answer' });
    expect(await contentOf(await door.fetch(path, send('x')))).toBe('This is an answer of x.');
    await using other = await doors[name]({ unknownModels: answer('any'), models: { m: answer('mine') } });
    expect(await contentOf(await other.fetch(path, send('x')))).toBe('any');
    expect(await contentOf(await other.fetch(path, send('m')))).toBe('mine');
  });

  it('does not confuse models with names that all objects have', async () => {
    await using door = await doors[name]({ models: ['m'] });
    for (const model of ['constructor', '__proto__', 'toString']) {
      expect((await door.fetch(path, send(model))).status).toBe(404);
    }
  });

  it('shows the error of a script that throws', async () => {
    const throwing = () => {
      throw new Error('a mistake in the test');
    };
    const models: Models = {
      early: throwing,
      late: answer({ content: throwing }),
      stream: answer({ content: throwing }),
    };
    await using door = await doors[name]({ models });
    for (const model of ['early', 'late']) {
      const response = await door.fetch(path, send(model));
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(await contentOf(response)).toBe('500: The script of the fake provider has thrown: a mistake in the test');
    }
    const response = await door.fetch(path, post({ model: 'stream', messages: [], stream: true }));
    await expect(response.text()).rejects.toThrow('terminated');
    expect(door.fake.open).toBe(0);
  });

  it('reports the configured served model', async () => {
    await using door = await doors[name]({
      models: { a: answer(), b: answer({ servedModel: 'b-2026' }) },
      servedModels: { a: 'a-2026', b: 'overruled' },
    });
    for (const [model, served] of [
      ['a', 'a-2026'],
      ['b', 'b-2026'],
    ]) {
      expect(await (await door.fetch(path, send(model ?? ''))).json()).toMatchObject({ model: served });
    }
  });

  it('never returns an id that another fake returns', async () => {
    await using one = await doors[name]({ models: ['m'] });
    await using two = await doors[name]({ models: ['m'] });
    const ids = await Promise.all([one, two].map(async (door) => (await door.fetch(path, send('m'))).json()));
    expect(new Set(ids.map((body) => (body as { id: string }).id)).size).toBe(2);
  });
});

it('accepts a list of names for models that answer', async () => {
  await using provider = await startFakeProvider({ models: ['a', 'b'] });
  const list = await (await fetch(`${provider.url}/models`)).json();
  expect(list).toMatchObject({ object: 'list', data: [{ id: 'a', object: 'model' }, { id: 'b' }] });
});
