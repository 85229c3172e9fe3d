import type { SimulatedDeployment, Simulation } from '../result.js';
import { rect, svg, timeAxis } from './chart.js';
import { count, duration, escapeHtml } from './format.js';

const LOOKS = { closed: 'closed', open: 'open', halfOpen: 'half' } as const;

/** The state of each breaker over time, one bar for each deployment. */
export function bands({ deployments }: Simulation, mostMs: number): string {
  const bars = Object.entries(deployments).map(([id, deployment]) => bar(id, deployment, mostMs));
  return `<figure class="bands"><figcaption><h2>Breakers</h2><div class="legend"><span class="key closed">closed: in use</span><span class="key open">open: no traffic</span><span class="key half">half-open: one probe</span></div></figcaption>
${bars.join('\n')}<div class="plot">${timeAxis(mostMs)}</div></figure>`;
}

function bar(id: string, { breaker, attempts, wasted }: SimulatedDeployment, mostMs: number): string {
  const openings = breaker.filter(({ state }) => state === 'open').length;
  const openMs = breaker.reduce((sum, { state, fromMs, toMs }) => sum + (state === 'closed' ? 0 : toMs - fromMs), 0);
  const said =
    openings === 0
      ? 'never opened'
      : `opened ${openings === 1 ? 'once' : `${openings} times`}, out of use for ${duration(openMs)} in all`;
  // Probes are short: drawn last, and never thinner than can be seen.
  const drawn = [...breaker].sort((a, b) => Number(a.state === 'halfOpen') - Number(b.state === 'halfOpen'));
  const content = drawn.map(({ state, fromMs, toMs }) => rect(LOOKS[state], fromMs, toMs, mostMs)).join('');
  const counts = `${count(attempts)} attempts${wasted > 0 ? `, ${count(wasted)} of them while it was down` : ''}`;
  return `<div class="band"><p><b>${escapeHtml(id)}</b><span>${said}; ${counts}</span></p><div class="area">${svg(`Breaker of ${id}`, said, content)}</div></div>`;
}
