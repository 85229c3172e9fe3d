import { clock, escapeHtml, ticks, timeTicks } from './format.js';

export interface Line {
  readonly name: string;
  /** `with` the router, or `without` it. */
  readonly look: 'with' | 'without';
  /** By step of time; a `null` is a gap. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  /** What is to be seen, in words, for those who do not see it. */
  readonly description: string;
  readonly lines: readonly Line[];
  readonly stepMs: number;
  readonly mostMs: number;
  /** The top of the scale. @default from the values */
  readonly top?: number;
  readonly unit: (value: number) => string;
  /** Times that are shaded. */
  readonly shaded: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** A line across, with its name. */
  readonly mark?: { readonly value: number; readonly name: string } | undefined;
}

const HEIGHT = 100;
const WIDTH = 1000;

/** One figure. The drawing is stretched to its place and its text is HTML, so that it reads the same at any width. */
export function chart({ title, description, lines, stepMs, mostMs, top, unit, shaded, mark }: Chart): string {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const marks = ticks(top ?? Math.max(1e-9, mark?.value ?? 0, ...values), 4);
  const most = top ?? marks.at(-1) ?? 1;
  const y = (value: number) => number(HEIGHT * (1 - Math.min(1, value / most)));
  const legend = lines.map(({ name, look }) => `<span class="key ${look}">${escapeHtml(name)}</span>`).join('');
  const drawn = [
    ...shaded.map(({ fromMs, toMs }) => rect('down', fromMs, toMs, mostMs)),
    ...marks.map((value) => `<path class="grid" d="M0 ${y(value)}H${WIDTH}"/>`),
    ...(mark === undefined ? [] : [`<path class="limit" d="M0 ${y(mark.value)}H${WIDTH}"/>`]),
    // The router's own line on top.
    ...lines
      .toReversed()
      .map(({ values: all, look }) => `<path class="line ${look}" d="${path(all, stepMs, mostMs, y)}"/>`),
  ];
  const labels = marks.map((value) => `<span style="top:${y(value)}%">${escapeHtml(unit(value))}</span>`);
  const limit =
    mark === undefined ? '' : `<span class="limit-name" style="top:${y(mark.value)}%">${escapeHtml(mark.name)}</span>`;
  return `<figure><figcaption><h2>${escapeHtml(title)}</h2><div class="legend">${legend}${shaded.length > 0 ? '<span class="key down">a deployment is down</span>' : ''}</div></figcaption>
<div class="plot"><div class="scale" aria-hidden="true">${labels.join('')}</div>
<div class="area">${svg(title, description, drawn.join(''))}${limit}</div>${timeAxis(mostMs)}</div></figure>`;
}

/** A drawing of 1000 by 100, stretched to its place. */
export function svg(title: string, description: string, content: string): string {
  return `<svg role="img" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"><title>${escapeHtml(title)}</title><desc>${escapeHtml(description)}</desc>${content}</svg>`;
}

export function rect(look: string, fromMs: number, toMs: number, mostMs: number, top = 0, height = HEIGHT): string {
  const x = (WIDTH * Math.min(fromMs, mostMs)) / mostMs;
  const end = (WIDTH * Math.min(toMs, mostMs)) / mostMs;
  if (end <= x) return '';
  return `<rect class="${look}" x="${number(x)}" y="${top}" width="${number(Math.max(1, end - x))}" height="${height}"/>`;
}

export function timeAxis(mostMs: number): string {
  const labels = timeTicks(mostMs).map(
    (at) =>
      `<span${at > 0.97 * mostMs ? ' class="end"' : ''} style="left:${number((100 * at) / mostMs)}%">${clock(at)}</span>`,
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
