import type { Simulation } from '../result.js';
import { clock, count, escapeHtml, ms, percent, usd } from './format.js';

type Cell = string | { readonly text: string };

function table(head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const textOf = (value: Cell) => escapeHtml(typeof value === 'string' ? value : value.text);
  const look = (value: Cell) => (typeof value === 'string' ? '' : ' class="text"');
  const titles = head.map(textOf);
  // On a phone each row is a card, in which each cell has a label.
  const cell = (tag: 'th' | 'td', value: Cell, column: number) =>
    `<${tag}${look(value)} ${tag === 'th' ? 'scope="col"' : `data-title="${titles[column] ?? ''}"`}>${textOf(value)}</${tag}>`;
  const row = (tag: 'th' | 'td', cells: readonly Cell[]) =>
    `<tr>${cells.map((each, column) => cell(tag, each, column)).join('')}</tr>`;
  return `<div class="scroll"><table><thead>${row('th', head)}</thead><tbody>${rows.map((each) => row('td', each)).join('')}</tbody></table></div>`;
}

export function deploymentTable({ deployments }: Simulation): string {
  return table(
    ['deployment', 'answered', 'attempts', 'while down', 'p50', 'p95', 'cost'],
    Object.entries(deployments).map(([id, { answered, attempts, wasted, latencyMs, costUsd }]) => [
      id,
      count(answered),
      count(attempts),
      count(wasted),
      ms(latencyMs.p50),
      ms(latencyMs.p95),
      usd(costUsd),
    ]),
  );
}

export function faultTable({ faults }: Simulation): string {
  return table(
    ['where', { text: 'what' }, 'how often', 'from', 'to'],
    faults.map(({ at, behavior, share, fromMs, toMs, burstMs }) => [
      at.join(', '),
      { text: burstMs === null ? behavior : `${behavior}, in bursts of ${ms(burstMs)}` },
      share === 1 ? 'always' : percent(share),
      clock(fromMs),
      clock(toMs),
    ]),
  );
}

/** The first failed calls, collapsed. */
export function failedCalls({ failedCalls: calls, failed }: Simulation): string {
  if (calls.length === 0) return '';
  const rows = calls.map(({ startedMs, tookMs, error, record }) => [
    clock(startedMs),
    ms(tookMs),
    { text: `${error.name}${error.status === null ? '' : ` ${error.status}`}` },
    {
      text:
        record?.attempts
          .map(({ deployment, outcome, durationMs }) => `${deployment}: ${outcome} after ${ms(durationMs)}`)
          .join('; ') ?? '',
    },
  ]);
  const said =
    calls.length === failed
      ? `The ${count(failed)} calls that failed`
      : `The first ${count(calls.length)} of ${count(failed)} calls that failed`;
  return `<section><details><summary>${said}</summary>${table(['at', 'after', { text: 'error' }, { text: 'attempts' }], rows)}</details></section>`;
}
