// The cost of choosing: the order of a route, without the call around it.
import { buildSync } from 'esbuild';
import type { RouteOrder } from '../src/call/route-order.ts';
import type { StrategyConfig } from '../src/options/check-strategy.ts';
import type { Target } from '../src/types.ts';

const CALLS = 200_000;

/** Builds `src/call/route-order.ts` for this process: no entry point exports it. */
async function load(): Promise<typeof RouteOrder> {
  const { outputFiles } = buildSync({
    entryPoints: ['src/call/route-order.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const module = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`);
  return module.RouteOrder;
}

/** Prints the CPU time of a decision and of recording its answer. */
export async function printOrders(): Promise<void> {
  const Order = await load();
  const idsOf = (count: number) => Array.from({ length: count }, (_, i) => `deployment-${i}`);

  function print(name: string, config: StrategyConfig, count: number, goalUs: number): void {
    const order = new Order({ route: 'bench', config, cooldownMs: 10_000, random: () => 0.5 });
    const targets = idsOf(count).map((id) => ({ state: { id, inFlight: 0 } })) as unknown as readonly Target[];
    const request = { targets, stream: false, assignmentKey: undefined, expectedCostUsd: () => undefined };
    let now = 0;
    const run = (calls: number) => {
      for (const end = now + calls; now < end; now += 1) {
        const decision = order.decide({ ...request, now });
        order.commit(decision, false, now);
        const first = decision.targets[0]?.state.id ?? '';
        order.answered(first, false, 100 + (now % 7), 100, now);
        if (decision.probe !== undefined) order.endProbe(decision.probe, false, true, now);
      }
    };
    run(CALLS / 10);
    const before = process.cpuUsage();
    run(CALLS);
    const { user, system } = process.cpuUsage(before);
    console.log(`${name}, ${count} deployments: ${((user + system) / CALLS).toFixed(2)} us (goal: ${goalUs} us)`);
  }

  console.log('\nThe order alone, CPU time of a decision and of learning from its answer.');
  const weights = new Map(idsOf(2).map((id) => [id, 1]));
  print('weighted', { by: 'weighted', salt: 'bench', weights }, 2, 3);
  print('lowest-latency', { by: 'lowest-latency', percentile: 0.5, band: 0.1, explore: 0.05 }, 10, 10);
}
