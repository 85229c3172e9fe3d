const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Names come from configurations and traces, so they are escaped. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}

const NONE = '–';

export const count = (n: number) => Math.round(n).toLocaleString('en-US');
export const percent = (share: number | null) => {
  if (share === null) return NONE;
  // Never rounded up to 100 %: one failed call in a million must be visible.
  const digits = share === 1 || share < 0.99 ? 1 : share < 0.9999 ? 2 : 4;
  const factor = 10 ** digits;
  return `${(Math.floor(100 * share * factor + 1e-9) / factor).toFixed(digits)} %`;
};
export const ms = (value: number | null) =>
  value === null ? NONE : value < 10_000 ? `${count(value)} ms` : `${(value / 1000).toFixed(1)} s`;
export const usd = (value: number | null) => (value === null ? NONE : `$${value.toFixed(value < 1 ? 4 : 2)}`);
export const times = (value: number | null) => (value === null ? NONE : value.toFixed(2));

/** A time as minutes and seconds. */
export function clock(atMs: number): string {
  const seconds = Math.round(atMs / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A duration in words. */
export function duration(forMs: number): string {
  const minutes = forMs / 60_000;
  if (minutes < 2) return `${count(forMs / 1000)} s`;
  return `${Number.isInteger(minutes) ? minutes : minutes.toFixed(1)} min`;
}

const STEPS = [1, 2, 5, 10];

/** About `wanted` round values from 0 to at least `most`. */
export function ticks(most: number, wanted: number): number[] {
  const rough = most > 0 ? most / wanted : 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((each) => each * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].map((s) => s * 1000);

/** Round times from 0, plus the end, whether it is round or not. */
export function timeTicks(mostMs: number, wanted = 6): number[] {
  const step = TIME_STEPS.find((each) => mostMs / each <= wanted) ?? 14_400_000;
  const round = Array.from({ length: Math.floor(mostMs / step) + 1 }, (_, i) => i * step);
  // A label too near the end would overlap it.
  return [...round.filter((at) => at === 0 || mostMs - at > 0.5 * step), mostMs];
}
