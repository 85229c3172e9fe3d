import type { FaultReport, SimulatedDeployment, Simulation } from '../result.js';
import { faultKeys, rect, shades, svg, timeAxis } from './chart.js';
import { count, duration, escapeHtml } from './format.js';

/** Below the faults. */
const BREAKER = { top: 40, height: 60 };

const LOOKS = { closed: 'closed', open: 'open', halfOpen: 'half' } as const;

/** The faults and the state of the breaker over time, for each deployment. */
export function bands({ deployments, faults }: Simulation, mostMs: number): string {
  const bars = Object.entries(deployments).map(([id, deployment]) => {
    const own = faults.filter(({ at }) => at.includes(id));
    return bar(id, deployment, own, mostMs);
  });
  return `<figure class="bands"><figcaption><h2>Faults and breakers</h2><div class="legend"><span class="key closed">closed: in use</span><span class="key open">open: no traffic</span><span class="key half">half-open: one probe</span>${faultKeys(faults)}</div></figcaption>
${bars.join('\n')}<div class="plot">${timeAxis(mostMs)}</div></figure>`;
}

function bar(
  id: string,
  { breaker, attempts, wasted }: SimulatedDeployment,
  faults: readonly FaultReport[],
  mostMs: number,
): string {
  const openings = breaker.filter(({ state }) => state === 'open').length;
  const openMs = breaker.reduce((sum, { state, fromMs, toMs }) => sum + (state === 'closed' ? 0 : toMs - fromMs), 0);
  const said =
    openings === 0
      ? 'never opened'
      : `opened ${openings === 1 ? 'once' : `${openings} times`}, out of use for ${duration(openMs)} in all`;
  // Probes are short, so they are drawn last, and wide enough to be visible.
  const drawn = [...breaker].sort((a, b) => Number(a.state === 'halfOpen') - Number(b.state === 'halfOpen'));
  const content = drawn.map(({ state, fromMs, toMs }) => rect(LOOKS[state], fromMs, toMs, mostMs, BREAKER)).join('');
  const struck = faults.length === 0 ? 'no faults' : faults.map(({ behavior }) => behavior).join(', ');
  const counts = `${count(attempts)} attempts${wasted > 0 ? `, ${count(wasted)} of them while it was down` : ''}`;
  return `<div class="band"><p><b>${escapeHtml(id)}</b><span>${said}; ${counts}</span></p><div class="area">${svg(`Faults and breaker of ${id}`, `${struck}; ${said}`, shades(faults, mostMs, 0, 34).join('') + content)}</div></div>`;
}
