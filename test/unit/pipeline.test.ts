import { expect, it } from 'vitest';
import { compose, type Handler, type Layer } from '../../src/pipeline.js';

const log: string[] = [];
const layer =
  (name: string): Layer<string, string> =>
  (next) =>
  async (input) => {
    log.push(`${name} in`);
    const output = await next(`${input}${name}`);
    log.push(`${name} out`);
    return `${output}${name}`;
  };
const core: Handler<string, string> = async (input) => `(${input})`;

it('puts the first layer outermost', async () => {
  log.length = 0;
  expect(await compose([layer('a'), layer('b')], core)('')).toBe('(ab)ba');
  expect(log).toEqual(['a in', 'b in', 'b out', 'a out']);
});

it('returns the core itself without layers', () => {
  expect(compose([], core)).toBe(core);
});

it('lets a layer call `next` never, once or several times', async () => {
  const never: Layer<string, string> = () => async () => 'never';
  const twice: Layer<string, string> = (next) => async (input) => (await next(input)) + (await next(input));
  expect(await compose([never, layer('a')], core)('x')).toBe('never');
  expect(await compose([twice, layer('a')], core)('x')).toBe('(xa)a(xa)a');
});

it('lets errors through', async () => {
  const failing: Handler<string, string> = async () => {
    throw new Error('from the core');
  };
  await expect(compose([layer('a')], failing)('x')).rejects.toThrow('from the core');
});

it('composes the layers once, not for each input', async () => {
  let made = 0;
  const counted: Layer<string, string> = (next) => {
    made += 1;
    return next;
  };
  const handle = compose([counted], core);
  await handle('x');
  await handle('y');
  expect(made).toBe(1);
});
