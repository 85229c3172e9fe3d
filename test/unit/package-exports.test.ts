import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { entries } from '../../scripts/entries.mjs';

it('package.json exports the entry points, in both module systems', () => {
  const exported = Object.keys(entries).map((name) => {
    const filesIn = (folder: string) => ({ types: `${folder}/${name}.d.ts`, default: `${folder}/${name}.js` });
    return [
      name === 'index' ? '.' : `./${name}`,
      {
        import: filesIn('./dist'),
        require: filesIn('./dist/cjs'),
      },
    ];
  });
  expect(manifest.exports).toEqual({ ...Object.fromEntries(exported), './package.json': './package.json' });
});
