import { expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { entries } from '../../scripts/entries.mjs';

it('package.json exports the entry points, in both module systems', () => {
  const exported = Object.keys(entries).map((name) => {
    const file = (ending: string) => `./dist/${name}.${ending}`;
    return [
      name === 'index' ? '.' : `./${name}`,
      {
        import: { types: file('d.ts'), default: file('js') },
        require: { types: file('d.cts'), default: file('cjs') },
      },
    ];
  });
  expect(manifest.exports).toEqual({ ...Object.fromEntries(exported), './package.json': './package.json' });
});
