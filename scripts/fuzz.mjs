// `npm run fuzz`: runs the property tests with other histories than the suites. `npm run fuzz -- 50` runs that many
// rounds. Ends at the first failure, with the seed that repeats it.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';

const rounds = Number(process.argv[2] ?? 10);
const files = globSync('test/**/*.test.ts').filter((file) => /helpers\/property\.js'/.test(readFileSync(file, 'utf8')));
for (let round = 1; round <= rounds; round++) {
  const seed = String(randomInt(2 ** 31));
  const { status, stdout, stderr } = spawnSync('vitest', ['run', '--mode', 'all', '--no-color', ...files], {
    env: { ...process.env, PROPERTY_SEED: seed },
    encoding: 'utf8',
  });
  if (status !== 0) {
    console.error(stdout + stderr);
    console.error(`Round ${round} failed. Again: PROPERTY_SEED=${seed} npx vitest run --mode all ${files.join(' ')}`);
    process.exit(1);
  }
  console.log(`round ${round} of ${rounds}: ${files.length} files, seed ${seed}, all passed`);
}
