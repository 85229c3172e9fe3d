import { ModelRouter } from 'model-router';
import { KEY } from './fleet.ts';
import { startResettingServer } from './resetting-server.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

const TIMES_AT_ONCE = 5;
const MESSAGES = [{ role: 'user' as const, content: 'hi' }];

export interface S9cOptions extends DrillOptions {
  /** Dead sockets in the pool. */
  readonly sizes: readonly number[];
}

/** S9c: connections that died in the pool, on real sockets and in real time; one host, and two. */
export async function run({ sizes, onProgress }: S9cOptions): Promise<DrillResult> {
  let failed = 0;
  let calls = 0;
  let unused = 0;
  let resets = 0;
  for (const [index, dead] of sizes.entries()) {
    for (const hosts of [1, 2]) {
      const servers = await Promise.all(Array.from({ length: hosts }, () => startResettingServer()));
      const router = new ModelRouter({
        clients: Object.fromEntries(
          servers.map(({ baseURL }, i) => [`c${i}`, { apiKey: KEY, baseURL, logLevel: 'off' as const }]),
        ),
        deployments: Object.fromEntries(servers.map((_, i) => [`d${i}`, { client: `c${i}` }])),
        routes: { standard: servers.map((_, i) => `d${i}`) },
        logLevel: 'off',
      });
      const call = () => router.chat.completions.create({ model: 'standard', messages: MESSAGES });
      const atOnce = async (n: number) => await Promise.allSettled(Array.from({ length: n }, call));
      await atOnce(dead);
      const [first] = servers;
      await first?.kill();
      const before = first?.state.requests ?? 0;
      const n = TIMES_AT_ONCE * dead;
      const results = await atOnce(n);
      calls += n;
      failed += results.filter(({ status }) => status === 'rejected').length;
      resets += first?.state.resets ?? 0;
      // The host itself is healthy, so calls that it does not answer were moved without a reason.
      unused += n - ((first?.state.requests ?? 0) - before);
      await router.close();
      await Promise.all(servers.map(({ close }) => close()));
    }
    onProgress?.((index + 1) / sizes.length);
  }
  return resultOf({
    drill: 'S9c',
    faults: `${sizes.join(', ')} pooled sockets are reset at their next request; one host, and two; real sockets`,
    size: `${calls} calls, ${TIMES_AT_ONCE} times as many at once as there are dead sockets`,
    measured: { failed, 'not by the healthy host': unused, resets },
    targets: { failed: atMost(0, 'calls'), 'not by the healthy host': atMost(0, 'calls') },
    broken: new Map(),
  });
}
