import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RouterOptions } from '../index.js';
import { ModelRouter } from '../model-router.js';
import { WrongArgument } from './command.js';

type ConfiguredRouter = Pick<ModelRouter, 'check' | 'explain' | 'close'>;

/**
 * Loads a router from a module's default export: a router, its options, or a promise of either. Throws what the module
 * throws, and InvalidOptionError.
 */
export async function loadRouter(file: string): Promise<ConfiguredRouter> {
  const path = resolve(file);
  if (!existsSync(path)) throw new WrongArgument('CONFIG', file, 'the path of a module that exists');
  if (path.endsWith('.json')) throw new WrongArgument('CONFIG', file, 'a module, such as one that exports this object');
  const loaded: { default?: unknown } = await import(pathToFileURL(path).href);
  const exported = await loaded.default;
  // CommonJS compiled from `export default`.
  const inner: unknown =
    isObject(exported) && '__esModule' in exported ? await Reflect.get(exported, 'default') : exported;
  if (!isObject(inner))
    throw new WrongArgument('CONFIG', file, 'a module whose default export is a router, or the options of one');
  // It may come from another copy of the package.
  if (isRouter(inner)) return inner;
  return new ModelRouter(inner as RouterOptions);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function isRouter(value: object): value is ConfiguredRouter {
  return ['check', 'explain', 'close'].every((name) => typeof Reflect.get(value, name) === 'function');
}
