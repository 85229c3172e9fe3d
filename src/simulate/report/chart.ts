import type { FaultReport } from '../result.js';
import { clock, escapeHtml, ticks, timeTicks } from './format.js';

export interface Line {
  readonly name: string;
  /** `with` the router, or `without` it. */
  readonly look: 'with' | 'without';
  /** By time step; `null` is a gap. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  /** A description of the chart for screen readers. */
  readonly description: string;
  readonly lines: readonly Line[];
  readonly stepMs: number;
  readonly mostMs: number;
  /** The top of the scale. @default from the values */
  readonly top?: number;
  readonly unit: (value: number) => string;
  /** All of them are shaded, more strongly the more requests they affect. */
  readonly faults: readonly FaultReport[];
  /** A horizontal line, with its name. */
  readonly mark?: { readonly value: number; readonly name: string } | undefined;
}

const HEIGHT = 100;
const WIDTH = 1000;

/** One figure. The drawing is stretched to fit and its text is HTML, so that it is readable at any width. */
export function chart({ title, description, lines, stepMs, mostMs, top, unit, faults, mark }: Chart): string {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const marks = ticks(top ?? Math.max(1e-9, mark?.value ?? 0, ...values), 4);
  const most = top ?? marks.at(-1) ?? 1;
  const y = (value: number) => number(HEIGHT * (1 - Math.min(1, value / most)));
  const legend = lines.map(({ name, look }) => `<span class="key ${look}">${escapeHtml(name)}</span>`).join('');
  const drawn = [
    ...shades(faults, mostMs),
    ...marks.map((value) => `<path class="grid" d="M0 ${y(value)}H${WIDTH}"/>`),
    ...(mark === undefined ? [] : [`<path class="limit" d="M0 ${y(mark.value)}H${WIDTH}"/>`]),
    // The router's own line on top.
    ...lines
      .toReversed()
      .map(({ values: all, look }) => `<path class="line ${look}" d="${path(all, stepMs, mostMs, y)}"/>`),
  ];
  const baseline = nameOfBaseline(lines, most);
  const labels = marks.map((value) => `<span style="top:${y(value)}%">${escapeHtml(unit(value))}</span>`);
  const limit = mark === undefined ? '' : `<span class="key limit">${escapeHtml(mark.name)}</span>`;
  return `<figure><figcaption><h2>${escapeHtml(title)}</h2><div class="legend">${legend}${limit}${faultKeys(faults)}</div></figcaption>
<div class="plot"><div class="scale" aria-hidden="true">${labels.join('')}</div>
<div class="area">${svg(title, description, drawn.join(''))}${baseline}</div>${timeAxis(mostMs)}</div></figure>`;
}

/** A drawing of 1000 by 100, stretched to fit. */
export function svg(title: string, description: string, content: string): string {
  return `<svg role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"><title>${escapeHtml(title)}</title><desc>${escapeHtml(description)}</desc>${content}</svg>`;
}

/** Faults that affect few requests first and faintly, outages last. */
export function shades(faults: readonly FaultReport[], mostMs: number, top = 0, height = HEIGHT): string[] {
  return [...faults]
    .sort((a, b) => Number(a.isOutage) - Number(b.isOutage) || a.share - b.share)
    .map(({ isOutage, share, fromMs, toMs }) => {
      const opacity = isOutage ? undefined : 0.35 + 0.65 * share;
      return rect(isOutage ? 'down' : 'fault', fromMs, toMs, mostMs, { top, height, opacity });
    });
}

export function faultKeys(faults: readonly FaultReport[]): string {
  const isSome = (outage: boolean) => faults.some(({ isOutage }) => isOutage === outage);
  return `${isSome(true) ? '<span class="key down">a deployment is down</span>' : ''}${isSome(false) ? '<span class="key fault">another fault</span>' : ''}`;
}

/** Places the name of the line without the router where it is farthest from the one with it. */
function nameOfBaseline(lines: readonly Line[], most: number): string {
  const [own, other] = lines;
  if (own === undefined || other === undefined) return '';
  let best = { index: -1, gap: 0.1 * most, value: 0 };
  for (const [index, value] of other.values.entries()) {
    const gap = value === null ? 0 : Math.abs(value - (own.values[index] ?? value));
    // Any of several equal gaps will do, except at the edges.
    if (value !== null && gap > best.gap) best = { index, gap, value };
  }
  if (best.index === -1) return '';
  const lastEqual = other.values.findIndex((value, index) => index > best.index && value !== best.value);
  const middle = (best.index + (lastEqual === -1 ? other.values.length : lastEqual) - 1) / 2;
  const left = Math.min(86, Math.max(14, (100 * (middle + 0.5)) / other.values.length));
  const top = 100 * (1 - Math.min(1, best.value / most));
  const side = top > 50 ? '' : ' below';
  return `<span class="line-name${side}" style="left:${number(left)}%;top:${number(top)}%">${escapeHtml(other.name)}</span>`;
}

export interface RectOptions {
  readonly top?: number;
  readonly height?: number;
  readonly opacity?: number | undefined;
}

export function rect(
  look: string,
  fromMs: number,
  toMs: number,
  mostMs: number,
  { top = 0, height = HEIGHT, opacity }: RectOptions = {},
): string {
  const x = (WIDTH * Math.min(fromMs, mostMs)) / mostMs;
  const end = (WIDTH * Math.min(toMs, mostMs)) / mostMs;
  if (end <= x) return '';
  return `<rect class="${look}" x="${number(x)}" y="${top}" width="${number(Math.max(1, end - x))}" height="${height}"${opacity === undefined ? '' : ` fill-opacity="${number(opacity)}"`}/>`;
}

export function timeAxis(mostMs: number): string {
  const times = timeTicks(mostMs);
  // A phone has room for five.
  const look = (at: number, index: number) =>
    at > 0.97 * mostMs ? ' class="end"' : times.length > 5 && index % 2 === 1 ? ' class="minor"' : '';
  const labels = times.map(
    (at, index) => `<span${look(at, index)} style="left:${number((100 * at) / mostMs)}%">${clock(at)}</span>`,
  );
  return `<div class="time" aria-hidden="true">${labels.join('')}</div>`;
}

function path(
  values: readonly (number | null)[],
  stepMs: number,
  mostMs: number,
  y: (value: number) => string,
): string {
  let isDown = false;
  const parts: string[] = [];
  for (const [index, value] of values.entries()) {
    const atMs = Math.min((index + 0.5) * stepMs, mostMs);
    if (value !== null) parts.push(`${isDown ? 'L' : 'M'}${number((WIDTH * atMs) / mostMs)} ${y(value)}`);
    isDown = value !== null;
  }
  return parts.join('');
}

const number = (value: number) => String(Number(value.toFixed(2)));
