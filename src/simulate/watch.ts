import type { ModelRouter } from '../model-router.js';
import { round } from '../prices/cost.js';
import type { BreakerBand, SimulatedDeployment } from './result.js';
import type { Settled } from './send-call.js';
import { Times } from './tally.js';

/** How often to check whether an open breaker allows a probe, in milliseconds, because no event reports it. */
const LOOK_MS = 100;

interface Watched {
  readonly counts: Omit<SimulatedDeployment, 'latencyMs' | 'wasted'>;
  readonly times: Times;
}

/** Follows each deployment of a router by its events and its calls' records. */
export class Watch {
  readonly #router: ModelRouter;
  readonly #watched = new Map<string, Watched>();
  #looking: ReturnType<typeof setInterval> | undefined;
  started = 0;

  constructor(router: ModelRouter) {
    this.#router = router;
    for (const id of Object.keys(router.snapshot().deployments)) this.#of(id);
    router.on('breaker-opened', ({ deployment }) => {
      this.#enter(deployment, 'open');
      this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    });
    router.on('breaker-closed', ({ deployment }) => this.#enter(deployment, 'closed'));
    router.on('attempt-started', ({ deployment }) => {
      this.started += 1;
      // A call that an open breaker lets through is its probe.
      if (this.#stateOf(deployment) === 'open') this.#enter(deployment, 'halfOpen');
    });
    router.on('retry-withheld', ({ deployment }) => {
      this.#of(deployment).counts.retriesWithheld += 1;
    });
    router.on('deployment-paused', ({ deployment, forMs, status }) => {
      this.#of(deployment).counts.pauses.push({ fromMs: performance.now(), forMs, status });
    });
  }

  add({ error, record }: Settled): void {
    if (record === undefined) return;
    if (error === undefined && record.deployment !== null) this.#of(record.deployment).counts.answered += 1;
    for (const { deployment, outcome, durationMs, costUsd } of record.attempts) {
      const { counts, times } = this.#of(deployment);
      counts.attempts += 1;
      counts.outcomes[outcome] = (counts.outcomes[outcome] ?? 0) + 1;
      if (outcome === 'success') times.add(durationMs);
      if (outcome === 'success' && costUsd === null) continue;
      if (outcome === 'success' || counts.costUsd !== null) counts.costUsd = (counts.costUsd ?? 0) + (costUsd ?? 0);
    }
  }

  end(wasted: ReadonlyMap<string, number>): Record<string, SimulatedDeployment> {
    clearInterval(this.#looking);
    const now = performance.now();
    return Object.fromEntries(
      [...this.#watched].map(([id, { counts, times }]) => {
        const last = counts.breaker.at(-1);
        if (last !== undefined) last.toMs = now;
        const costUsd = counts.costUsd === null ? null : round(counts.costUsd);
        return [id, { ...counts, costUsd, wasted: wasted.get(id) ?? 0, latencyMs: times.spread() }];
      }),
    );
  }

  #look(): void {
    const { deployments } = this.#router.snapshot();
    let isAnyOut = false;
    for (const [id, { state }] of Object.entries(deployments)) {
      this.#enter(id, state);
      isAnyOut ||= state === 'open';
    }
    if (isAnyOut) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #stateOf(id: string): BreakerBand['state'] | undefined {
    return this.#of(id).counts.breaker.at(-1)?.state;
  }

  #enter(id: string, state: BreakerBand['state']): void {
    const { breaker } = this.#of(id).counts;
    const last = breaker.at(-1);
    if (last === undefined || last.state === state) return;
    const now = performance.now();
    last.toMs = now;
    breaker.push({ state, fromMs: now, toMs: now });
  }

  #of(id: string): Watched {
    const known = this.#watched.get(id);
    if (known !== undefined) return known;
    const counts = {
      attempts: 0,
      answered: 0,
      retriesWithheld: 0,
      outcomes: {},
      costUsd: null,
      breaker: [{ state: 'closed' as const, fromMs: 0, toMs: 0 }],
      pauses: [],
    };
    const watched: Watched = { counts, times: new Times() };
    this.#watched.set(id, watched);
    return watched;
  }
}
