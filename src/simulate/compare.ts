import type { ModelRouter } from '../model-router.js';
import type { CallRecord } from '../telemetry/record-types.js';
import type { Script } from '../testing/script.js';
import { checkFunction, checkKeys, checkNumber, checkRecord, invalidOption } from '../util/check.js';
import { checkOptions } from './check.js';
import { HEALTHY } from './fault-book.js';
import type { PlannedCall, SimulationContext } from './options.js';
import { readTrace, type TracedCall } from './read-trace.js';
import type { Simulation, Spread } from './result.js';
import { simulateChecked } from './simulate.js';
import { simulationTable } from './table.js';
import { Times } from './tally.js';
import {
  bodyOfTraced,
  isGivenUp,
  isOwnFault,
  NEAREST,
  pooled,
  samplesIn,
  type TimedCall,
  tracedUpstreams,
} from './traced-upstreams.js';

/** Options of `compare`. */
export interface CompareOptions {
  /** The result of `readTrace`, or its input. */
  readonly trace: readonly TracedCall[] | string | URL;
  /** By name: a function that builds each router, as in `simulate`. */
  readonly configurations: Readonly<Record<string, (context: SimulationContext) => ModelRouter | Promise<ModelRouter>>>;
  /**
   * The behaviour of deployments that the trace does not have; for those that it has, this replaces the trace.
   * @default like the attempts of the whole trace
   */
  readonly upstreams?: Readonly<Record<string, Script>> | undefined;
  /** The requested model of a traced call. @default the recorded one, else its route */
  readonly model?: ((record: CallRecord) => string) | undefined;
  /** For a trace without times: calls per second. @default 1 */
  readonly perSecond?: number | undefined;
  /** The seed of all random numbers. @default 1 */
  readonly seed?: number | undefined;
}

/** Results of the trace itself. */
export interface RecordedTraffic {
  calls: number;
  answered: number;
  availability: number;
  latencyMs: Spread;
  /** Attempts per call. */
  load: number;
  /** Known costs in US dollars. */
  costUsd: number | null;
}

/** One trace under several configurations. */
export interface Comparison {
  recorded: RecordedTraffic;
  configurations: Record<string, Simulation>;
  /** Calls of the trace that the caller's own errors failed. They are not replayed. */
  excluded: number;
  /** Limitations of this replay, each in a sentence. */
  caveats: string[];
  /** The numbers side by side, as text. */
  table: string;
}

const ANSWERED_FROM_CACHE: ReadonlySet<string> = new Set(['hit', 'joined', 'stale', 'stale-if-error']);

/**
 * Replays a recorded trace under other configurations, each call at its time. Each request is answered like one of the
 * 20 recorded attempts at that deployment that are nearest in time, drawn at random. Runs in virtual time, like
 * `simulate`.
 *
 * A deployment that is in neither the trace nor `upstreams` answers like any attempt of the trace, at any time.
 *
 * @throws InvalidOptionError
 */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const { configurations, upstreams = {}, seed = 1, perSecond, model = modelOf } = checkCompare(options);
  const given = options.trace;
  const trace = typeof given === 'string' || given instanceof URL ? readTrace(given) : given;
  const calls = timed(
    trace.filter((call) => !isOwnFault(call)),
    perSecond ?? 1,
  );
  if (calls.length === 0) invalidOption('trace', trace, 'at least one call that did not cause its own failure');
  const samples = samplesIn(calls);
  const planned = calls.map(({ atMs, record }): PlannedCall => {
    const headers = record.priority === 'standard' ? undefined : { 'X-Request-Priority': record.priority };
    const stream = typeof record.timeToFirstChunkMs === 'number';
    return { atMs, model: model(record), stream, body: bodyOfTraced, ...(headers && { options: { headers } }) };
  });

  const results: [string, Simulation][] = [];
  const described = new Set<string>();
  const strangers = new Set<string>();
  const usual = (id: string): Script => {
    strangers.add(id);
    return pooled(calls, seed, id) ?? HEALTHY;
  };
  for (const [name, build] of Object.entries(configurations)) {
    const router = async (context: SimulationContext): Promise<ModelRouter> => {
      const built = await build(context);
      for (const id of Object.keys(built.snapshot().deployments)) {
        if (!samples.has(id) && upstreams[id] !== undefined) described.add(id);
      }
      return built;
    };
    const scripts = { ...tracedUpstreams(calls, seed), ...upstreams };
    const settings = checkOptions({ router, traffic: { calls: planned }, upstreams: scripts, seed });
    results.push([name, await simulateChecked({ ...settings, mayNameOthers: true, usual })]);
  }
  const recorded = recordedTraffic(calls);
  return {
    recorded,
    configurations: Object.fromEntries(results),
    excluded: trace.length - calls.length,
    caveats: caveats({ trace, calls, samples, described, strangers, perSecond: perSecond ?? 1 }),
    table: simulationTable({ 'as recorded': recorded, ...Object.fromEntries(results) }),
  };
}

function checkCompare(options: CompareOptions): CompareOptions {
  checkRecord('options', options);
  checkKeys('', options, ['trace', 'configurations', 'upstreams', 'model', 'perSecond', 'seed']);
  const { configurations, model, perSecond } = options;
  const entries = Object.entries(
    checkRecord('configurations', configurations, 'an object of functions that build a router'),
  );
  if (entries.length === 0) invalidOption('configurations', configurations, 'at least one, by name');
  for (const [name, build] of entries) checkFunction(`configurations.${name}`, build);
  if (model !== undefined) checkFunction('model', model);
  if (perSecond !== undefined) checkNumber('perSecond', perSecond, { above: 0, most: 1e6, what: 'a number above 0' });
  return options;
}

function modelOf({ requestedModel, route }: CallRecord): string {
  return requestedModel ?? route ?? 'auto';
}

function timed(trace: readonly TracedCall[], perSecond: number): TimedCall[] {
  const at = trace.map(({ atMs, record }, index) => ({ record, atMs: atMs ?? (index * 1000) / perSecond }));
  return at.sort((a, b) => a.atMs - b.atMs);
}

function recordedTraffic(calls: readonly TimedCall[]): RecordedTraffic {
  const times = new Times();
  let answered = 0;
  let attempts = 0;
  let costUsd: number | null = null;
  for (const { record } of calls) {
    times.add(record.durationMs);
    attempts += record.attempts.length;
    const isGood =
      record.attempts.some(({ outcome }) => outcome === 'success') || ANSWERED_FROM_CACHE.has(record.cache);
    if (isGood) answered += 1;
    if (isGood && record.costUsd !== null) costUsd = (costUsd ?? 0) + record.costUsd;
  }
  const { length } = calls;
  return {
    calls: length,
    answered,
    availability: answered / length,
    latencyMs: times.spread(),
    load: attempts / length,
    costUsd,
  };
}

function caveats({
  trace,
  calls,
  samples,
  described,
  strangers,
  perSecond,
}: {
  readonly trace: readonly TracedCall[];
  readonly calls: readonly TimedCall[];
  readonly samples: ReadonlyMap<string, number>;
  readonly described: ReadonlySet<string>;
  readonly strangers: ReadonlySet<string>;
  readonly perSecond: number;
}): string[] {
  const attempts = calls.flatMap(({ record }) => record.attempts);
  const givenUp = attempts.filter(isGivenUp).length;
  const limited = attempts.filter(({ outcome }) => outcome === 'rate-limited').length;
  const withoutUsage = calls.filter(({ record }) => record.usage == null).length;
  const few = [...samples].filter(([, count]) => count < NEAREST).map(([id, count]) => `${id} (${count})`);
  return [
    ...(trace[0]?.atMs === null
      ? [`When calls were made: the trace has no times, so they are spread evenly, ${perSecond} a second.`]
      : []),
    ...(trace.length > calls.length
      ? [
          `How other models would have answered ${trace.length - calls.length} calls that caused their own failure: these are excluded.`,
        ]
      : []),
    ...(givenUp > 0
      ? [`How long ${givenUp} abandoned attempts would have taken: the simulation lets them hang forever.`]
      : []),
    ...(limited > 0
      ? [`What \`Retry-After\` said in ${limited} answers with 429: records do not contain it, so nothing is paused.`]
      : []),
    ...(withoutUsage > 0
      ? [`How many tokens ${withoutUsage} calls had: the simulation uses those of the call before.`]
      : []),
    ...(few.length > 0 ? [`How deployments with few attempts in the trace behave: ${few.join(', ')}.`] : []),
    ...(described.size > 0
      ? [`How ${[...described].join(', ')} would behave: the trace does not show it, so \`upstreams\` decides.`]
      : []),
    ...[...strangers].map((id) => {
      const like = samples.size === 0 ? "with the test kit's usual answer" : 'like the attempts of the whole trace';
      return `How ${id} would behave: it has no attempts in the trace, so it answers ${like}. Describe it in \`upstreams\`: { ${JSON.stringify(id)}: answer({ latencyMs: 500 }) }.`;
    }),
    'How deployments behave under another load: here, more traffic does not slow them down.',
    'What the prompts were: every call is a different chat, so the cache never answers, and no call exceeds a context length.',
  ];
}
