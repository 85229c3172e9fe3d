import type { Behaviour } from '../testing/behaviours.js';
import { answer } from '../testing/constructors.js';
import type { RecordedRequest } from '../testing/recorder.js';
import { RunningScript, type Script } from '../testing/script.js';
import { lognormal } from './latencies.js';
import type { SimulatedFault } from './options.js';
import type { FaultReport } from './result.js';
import { seededRandom, seedFor } from './seeded-random.js';
import type { Settings } from './settings.js';

/** A good answer, with the latency of a typical model. */
export const HEALTHY = answer({ latencyMs: lognormal({ medianMs: 350, sigma: 0.45 }) });

/** One fault at one deployment, while it runs. */
interface RunningFault {
  readonly script: RunningScript;
  readonly share: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether it affects a request at this time. */
  readonly strikes: (now: number) => boolean;
  readonly index: number;
}

/** The behaviour of each deployment at each time of one run. Times are `performance.now()`, from 0. */
export class FaultBook {
  readonly #seed: number;
  readonly #healthy: ReadonlyMap<string, Script>;
  readonly #faults: readonly SimulatedFault[];
  readonly #running = new Map<string, { readonly healthy: RunningScript; readonly faults: readonly RunningFault[] }>();
  /** Requests during a full outage, by deployment. */
  readonly wasted = new Map<string, number>();
  /** The number of requests that each fault has affected. */
  readonly struck: number[];
  readonly #usual: (deployment: string) => Script;

  constructor({ seed, upstreams, faults, usual }: Pick<Settings, 'seed' | 'upstreams' | 'faults' | 'usual'>) {
    this.#seed = seed;
    this.#healthy = new Map(Object.entries(upstreams));
    this.#faults = faults;
    this.#usual = usual;
    this.struck = faults.map(() => 0);
  }

  behaviour(deployment: string, request: RecordedRequest): Behaviour {
    const { healthy, faults } = this.#of(deployment);
    const now = performance.now();
    for (const { fromMs, toMs, share, strikes, script, index } of faults) {
      if (now < fromMs || now >= toMs || !strikes(now)) continue;
      this.struck[index] = (this.struck[index] ?? 0) + 1;
      const behaviour = script.next(request);
      if (share === 1 && isDown(behaviour)) {
        this.wasted.set(deployment, (this.wasted.get(deployment) ?? 0) + 1);
      }
      return behaviour;
    }
    return healthy.next(request);
  }

  #of(deployment: string): { readonly healthy: RunningScript; readonly faults: readonly RunningFault[] } {
    const known = this.#running.get(deployment);
    if (known !== undefined) return known;
    const running = {
      healthy: new RunningScript(this.#healthy.get(deployment) ?? this.#usual(deployment)),
      faults: this.#faults.flatMap((fault, index) =>
        deploymentsOf(fault).includes(deployment) ? [this.#start(fault, index, deployment)] : [],
      ),
    };
    this.#running.set(deployment, running);
    return running;
  }

  #start(fault: SimulatedFault, index: number, deployment: string): RunningFault {
    const { behavior, share = 1, fromMs = 0, toMs = Number.POSITIVE_INFINITY, burstMs } = fault;
    const each = seededRandom(seedFor(this.#seed, 'fault', index, deployment));
    // One draw per burst, not per request, so that all deployments and the plain client see the same fault.
    const drawOfBurst = (now: number, length: number) =>
      seededRandom(seedFor(this.#seed, 'spell', index, Math.floor(now / length)))();
    const strikes = (now: number) =>
      share === 1 || (burstMs === undefined ? each() : drawOfBurst(now, burstMs)) < share;
    return { script: new RunningScript(behavior), share, fromMs, toMs, strikes, index };
  }
}

export function deploymentsOf({ at }: SimulatedFault): readonly string[] {
  return typeof at === 'string' ? [at] : at;
}

/** Describes the faults for the reader of a result. */
export function faultReports(
  faults: readonly SimulatedFault[],
  struck: readonly number[],
  endMs: number,
): FaultReport[] {
  return faults.map((fault, index) => ({
    at: [...deploymentsOf(fault)],
    behavior: inWords(fault.behavior),
    share: fault.share ?? 1,
    fromMs: fault.fromMs ?? 0,
    toMs: Math.max(fault.fromMs ?? 0, Math.min(fault.toMs ?? endMs, endMs)),
    burstMs: fault.burstMs ?? null,
    struck: struck[index] ?? 0,
    isOutage: (fault.share ?? 1) === 1 && isDown(fault.behavior),
  }));
}

/** Whether it never gives a good answer. A function's behaviour is not known beforehand. */
function isDown(script: Script): boolean {
  if (typeof script === 'function') return false;
  return isList(script) ? script.every(isDown) : script.type !== 'answer';
}

function inWords(script: Script): string {
  if (typeof script === 'function') return 'as a function decides';
  if (isList(script)) return script.map((each) => inWords(each)).join(', then ');
  if (script.type === 'fail') return `fails with ${script.status}`;
  const words: Partial<Record<Behaviour['type'], string>> = {
    answer: 'answers differently',
    hang: 'hangs',
    reset: 'resets the connection',
    'break-off': 'breaks off during the answer',
    stall: 'stalls during the answer',
    empty: 'answers with nothing',
  };
  return words[script.type] ?? `has the fault ${script.type}`;
}

function isList(script: Script): script is Exclude<Script, Behaviour | ((...given: never) => unknown)> {
  return Array.isArray(script);
}
