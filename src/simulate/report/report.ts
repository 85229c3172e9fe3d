import { checkKeys, checkRecord, invalidOption } from '../../util/check.js';
import type { SeriesStep, Simulation } from '../result.js';
import { bands } from './bands.js';
import { type Chart, chart } from './chart.js';
import { clock, count, duration, escapeHtml, ms, percent, times, usd } from './format.js';
import { STYLE } from './style.js';
import { deploymentTable, failedCalls, faultTable } from './tables.js';

/** Options of the HTML report. */
export interface ReportOptions {
  /** The heading. @default 'What the router makes of it' */
  readonly title?: string | undefined;
  /** A line across the latencies: what callers wait for, in milliseconds. @default none */
  readonly deadlineMs?: number | undefined;
}

/** A simulation as one HTML page, which needs no network and no script. */
export function simulationReport(simulation: Simulation, options: ReportOptions = {}): string {
  if (!Array.isArray(checkRecord('simulation', simulation)['series']))
    invalidOption('simulation', simulation, 'what simulate() gives');
  checkKeys('', options, ['title', 'deadlineMs']);
  const { title = 'What the router makes of it', deadlineMs } = options;
  const { series, stepMs, baseline, faults, advice } = simulation;
  const mostMs = Math.max(1, simulation.trafficMs);
  /** The last step may be shorter. */
  const lengthOf = ({ atMs }: SeriesStep) => Math.max(1, Math.min(stepMs, mostMs - atMs));
  // Requests after the start of the last call have no step of their own.
  const steps = series.filter(({ atMs }) => atMs < mostMs);
  const line = (pick: (step: SeriesStep) => number | null): Chart['lines'] => [
    { name: 'with the router', look: 'with', values: steps.map(pick) },
    ...(baseline === null
      ? []
      : [
          {
            name: 'without the router',
            look: 'without' as const,
            values: baseline.series.slice(0, steps.length).map(pick),
          },
        ]),
  ];
  const figure = (rest: Omit<Chart, 'stepMs' | 'mostMs' | 'faults'>) => chart({ ...rest, stepMs, mostMs, faults });
  const ofRouter = (pick: (step: SeriesStep) => number | null) => line(pick).slice(0, 1);

  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>
<header><h1>${escapeHtml(title)}</h1><p class="sub">${count(simulation.calls)} calls in ${duration(mostMs)} of virtual time, seed ${simulation.seed}</p></header>
${tiles(simulation)}
${advice.length === 0 ? '' : `<section class="advice"><h2>What to change</h2><ul>${advice.map((each) => `<li>${escapeHtml(each)}</li>`).join('')}</ul></section>`}
${figure({
  title: 'Calls that were answered',
  description: described('Availability', simulation, ({ availability }) => percent(availability)),
  lines: line(({ calls, answered }) => (calls === 0 ? null : (100 * answered) / calls)),
  top: 100,
  unit: (value) => `${value} %`,
})}
${figure({
  title: 'Latency, p99',
  description: described('p99 over all', simulation, ({ latencyMs }) => ms(latencyMs.p99)),
  lines: line(({ p99Ms }) => p99Ms),
  unit: ms,
  mark: deadlineMs === undefined ? undefined : { value: deadlineMs, name: `deadline ${ms(deadlineMs)}` },
})}
${bands(simulation, mostMs)}
<div class="two">
${figure({
  title: 'Upstream calls a second',
  description: described('Upstream calls', simulation, ({ upstreamCalls }) => count(upstreamCalls)),
  lines: line((step) => (1000 * step.upstreamCalls) / lengthOf(step)),
  unit: (value) => String(Number(value.toFixed(2))),
})}
${figure({
  title: 'Cost an hour',
  description: `${usd(simulation.costUsd)} in all, of what is known.`,
  lines: ofRouter((step) => (step.costUsd * 3_600_000) / lengthOf(step)),
  unit: (value) => `$${Number(value.toFixed(2))}`,
})}
</div>
<section><h2>Deployments</h2>${deploymentTable(simulation)}</section>
${faults.length === 0 ? '' : `<section><h2>What went wrong upstream</h2>${faultTable(simulation)}</section>`}
${failedCalls(simulation)}
<footer><p>The real router, with fake upstreams and a clock that is moved from one timer to the next. Latency is of all calls, those that failed too; a stream's until its end. Numbers hold for these faults and this traffic.</p>
${baseline === null ? '' : `<p>Without the router: ${escapeHtml(baseline.client)}.</p>`}
<p>Until ${clock(simulation.durationMs)}, when the last call was over.</p></footer>
</main></body></html>
`;
}

function described(
  what: string,
  { baseline, ...own }: Simulation,
  describe: (traffic: Omit<Simulation, 'baseline'> | NonNullable<typeof baseline>) => string,
): string {
  return `${what}: ${describe(own)} with the router${baseline === null ? '' : `, ${describe(baseline)} without the router`}.`;
}

function tiles({ availability, failed, latencyMs, load, costUsd, calls, wasted, baseline }: Simulation): string {
  const than = (value: string | undefined) => (value === undefined ? '' : `<b>${value}</b> without the router`);
  const all: [string, string, string][] = [
    [
      'answered',
      percent(availability),
      than(baseline ? percent(baseline.availability) : undefined) || `${count(failed)} failed`,
    ],
    [
      'latency p99',
      ms(latencyMs.p99),
      than(baseline ? ms(baseline.latencyMs.p99) : undefined) || `p50 ${ms(latencyMs.p50)}`,
    ],
    ['upstream calls per call', times(load), `${count(wasted)} sent to deployments that were down`],
    [
      'cost',
      usd(costUsd),
      costUsd === null || calls === 0 ? 'no price is known' : `${usd((1000 * costUsd) / calls)} per 1,000 calls`,
    ],
  ];
  return `<dl class="tiles">${all.map(([name, value, less]) => `<div class="tile"><dt>${name}</dt><dd class="big">${value}</dd><dd class="less">${less}</dd></div>`).join('')}</dl>`;
}
