// The monthly cost, before the first call: by stage of growth, by route, with the savings of a cache.
import assert from 'node:assert/strict';
import { formatProjection, projectCost } from 'model-router';

const flash = 'deepseek-ai/DeepSeek-V4-Flash';
const pro = 'Pro/deepseek-ai/DeepSeek-V3.2';
const usual = 'a model at $10';

// Everything on the cheap model, from 5 million tokens a month to 5 billion. `npx model-router cost` prints the same.
const cheap = projectCost({ tokensPerMonth: 5_000_000, models: { [flash]: 0.25, [usual]: 10 } });
console.log(`${formatProjection(cheap)}\n`);
const rows = cheap.stages.map((stage) => [stage.usdPerMonth, stage.againstUsdPerMonth, stage.savedShare]);
assert.deepEqual(rows, [
  [1.25, 50, 0.975],
  [12.5, 500, 0.975],
  [125, 5000, 0.975],
  [1250, 50_000, 0.975],
]);

// A tenth of the traffic needs the dedicated model, and support questions repeat.
const mixed = projectCost({
  tokensPerMonth: 500_000_000,
  stages: [1],
  models: { [flash]: { input: 0.25, output: 0.25 }, [pro]: { input: 2.5, output: 2.5 }, [usual]: 10 },
  routes: {
    support: { model: flash, share: 0.6, cacheHitRate: 0.4 },
    extraction: { model: flash, share: 0.3, outputShare: 0.1 },
    reasoning: { model: pro, share: 0.1, outputShare: 0.6 },
  },
});
console.log('at 500M tokens a month, by route:');
const [month] = mixed.stages;
for (const [name, route] of Object.entries(month?.routes ?? {}))
  console.log(`  ${name.padEnd(11)} ${route.model.padEnd(30)} $${route.usdPerMonth.toFixed(2)}`);
console.log(
  `  ${'all'.padEnd(42)} $${month?.usdPerMonth.toFixed(2)} against $${month?.againstUsdPerMonth?.toFixed(2)}`,
);
assert.equal(month?.usdPerMonth, 45 + 37.5 + 125);
