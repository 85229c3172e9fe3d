import type { Engine } from '../engine.js';
import { periodName } from '../state/service-history.js';
import type { ProviderReport, ServiceLevel } from '../state/service-level.js';
import { numberOf, startOf } from '../util/calendar.js';
import { checkKeys, checkRecord, invalidOption } from '../util/check.js';
import { escapeControls } from '../util/shown.js';

/** The service level of one route or deployment in a UTC month. */
export interface SlaMonth {
  /** The share of counted attempts (of a route: calls) that were answered, 0 to 1; `null` if there were none. */
  uptime: number | null;
  answered: number;
  failed: number;
  /** Minutes in which at least `downtime.minAttempts` were counted and `downtime.failedShare` of them failed. */
  downtimeMinutes: number;
  /** When the downtime was: ISO 8601, and minutes. */
  downtime: { start: string; minutes: number }[];
  /** Milliseconds. A timeout counts with the time waited. */
  p99Ms: number | null;
  /** The promised target; `null` without one. */
  target: { uptime: number | null; p99Ms: number | null } | null;
  /** The unused share of the error budget: 1 is all of it, and below 0 the target is missed. */
  errorBudgetLeft: number | null;
  met: boolean | null;
  days: SlaPeriod[];
  /** The last three days, as far as they are in the month. */
  hours: SlaPeriod[];
}

/** A UTC day (`2026-11-29`) or hour (`2026-11-29T13Z`). */
export interface SlaPeriod {
  start: string;
  uptime: number | null;
  answered: number;
  failed: number;
  downtimeMinutes: number;
}

/** The month of one deployment. */
export interface SlaDeploymentMonth extends SlaMonth {
  region: string | null;
  /** Answers with status 429, which count as neither answered nor failed. */
  rateLimited: number;
  /** What the provider last reported about itself in that month, in its own units; `null` without a report. */
  provider: ProviderReport | null;
}

/** A month, as plain JSON; `String()` returns Markdown. */
export interface SlaReport {
  /** `2026-11` */
  month: string;
  deployments: Record<string, SlaDeploymentMonth>;
  routes: Record<string, SlaMonth>;
}

/** Options of `router.slaReport()`. */
export interface SlaReportOptions {
  /** A UTC month. @default the current one @example '2026-11' */
  month?: string | undefined;
}

/** Throws InvalidOptionError. */
export function slaReport({ states, services, config }: Engine, options: SlaReportOptions): SlaReport {
  checkRecord('slaReport', options, "an object such as { month: '2026-11' }");
  checkKeys('slaReport', options, ['month']);
  const number = options.month === undefined ? numberOf('month', Date.now()) : monthOf(options.month);
  const deployments = Object.fromEntries(
    [...states].map(([id, state]) => {
      const { service } = state;
      const { rateLimited } = service.month(number);
      const region = state.region;
      return [id, { ...monthLevel(service, number), region, rateLimited, provider: service.providerReport(number) }];
    }),
  );
  const routes = Object.fromEntries(
    [...config.routes.keys()].flatMap((name) => {
      const service = services.get(name);
      return service === undefined ? [] : [[name, monthLevel(service, number)]];
    }),
  );
  const report: SlaReport = { month: periodName('month', number), deployments, routes };
  Object.defineProperty(report, 'toString', { value: () => markdown(report), enumerable: false });
  return report;
}

function monthOf(value: unknown): number {
  const match = typeof value === 'string' ? /^(\d{4})-(0[1-9]|1[0-2])$/.exec(value) : null;
  if (match === null) invalidOption('slaReport.month', value, "a month such as '2026-11'");
  return Number(match[1]) * 12 + Number(match[2]) - 1;
}

function monthLevel(service: ServiceLevel, number: number): SlaMonth {
  const { uptime, good, bad, p99Ms, downtimeMinutes, errorBudgetLeft, met } = service.month(number);
  const { target } = service;
  return {
    uptime,
    answered: good,
    failed: bad,
    downtimeMinutes,
    downtime: service.downtime(number).map(([start, minutes]) => ({
      start: new Date(start * 60_000).toISOString(),
      minutes,
    })),
    p99Ms,
    target: target === undefined ? null : { uptime: target.uptime ?? null, p99Ms: target.p99Ms ?? null },
    errorBudgetLeft,
    met,
    days: periodsOf(service, 'day', number),
    hours: periodsOf(service, 'hour', number),
  };
}

/** The periods with data, oldest first. */
function periodsOf(service: ServiceLevel, period: 'day' | 'hour', month: number): SlaPeriod[] {
  const from = startOf('month', month);
  const to = startOf('month', month + 1);
  const isIn = (number: number) => startOf(period, number) >= from && startOf(period, number) < to;
  return service
    .numbers(period)
    .filter(isIn)
    .map((number) => {
      const { good, bad } = service.counts(period, number);
      return {
        start: periodName(period, number),
        uptime: good + bad === 0 ? null : good / (good + bad),
        answered: good,
        failed: bad,
        downtimeMinutes: service.downtimeMinutes(period, number),
      };
    });
}

function markdown({ month, deployments, routes }: SlaReport): string {
  const lines = [`# Service levels, ${month} (UTC)`, ''];
  const table = (head: readonly string[], rows: readonly (readonly string[])[]) => {
    lines.push(row(head), row(head.map(() => '---')), ...rows.map(row), '');
  };
  lines.push('## Routes', '', 'Share of calls that were answered. Callers’ own errors and refusals do not count.', '');
  const level = (name: string, each: SlaMonth) => [
    name,
    each.target?.uptime == null ? '-' : percent(each.target.uptime),
    percent(each.uptime),
    each.target?.p99Ms == null ? '-' : `${each.target.p99Ms} ms`,
    ms(each.p99Ms),
    each.errorBudgetLeft === null ? '-' : `${Number((100 * each.errorBudgetLeft).toFixed(1))} %`,
    each.met === null ? '-' : each.met ? 'yes' : '**no**',
    String(each.downtimeMinutes),
    `${each.answered} / ${each.failed}`,
  ];
  const head = [
    '',
    'promised',
    'uptime',
    'promised p99',
    'p99',
    'error budget left',
    'met',
    'downtime min',
    'answered / failed',
  ];
  table(
    ['route', ...head.slice(1)],
    Object.entries(routes).map(([name, each]) => level(name, each)),
  );
  lines.push('## Deployments', '', 'Share of attempts that were answered. 429s are counted separately.', '');
  table(
    ['deployment', 'region', ...head.slice(1), '429s'],
    Object.entries(deployments).map(([id, each]) => {
      const [name = '', ...rest] = level(id, each);
      return [name, each.region ?? '-', ...rest, String(each.rateLimited)];
    }),
  );
  const reported = Object.entries(deployments).flatMap(([id, each]) =>
    each.provider === null ? [] : [[id, each, each.provider] as const],
  );
  if (reported.length > 0) {
    lines.push(
      '## What providers say of themselves',
      '',
      'As they last reported it, in their own units, beside what was measured.',
      '',
    );
    table(
      [
        'deployment',
        'reported uptime %',
        'measured uptime',
        'reported p99',
        'measured p99',
        'reported region',
        'configured region',
      ],
      reported.map(([id, each, { uptime_percentage, latency_p99, region }]) => [
        id,
        uptime_percentage === null ? '-' : String(uptime_percentage),
        percent(each.uptime),
        latency_p99 === null ? '-' : String(latency_p99),
        ms(each.p99Ms),
        region ?? '-',
        each.region ?? '-',
      ]),
    );
  }
  const down = Object.entries(deployments).filter(([, each]) => each.downtime.length > 0);
  if (down.length > 0) {
    lines.push('## Downtime', '');
    table(
      ['deployment', 'from', 'minutes'],
      down.flatMap(([id, { downtime }]) => downtime.map(({ start, minutes }) => [id, start, String(minutes)])),
    );
  }
  return lines.join('\n');
}

const row = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
const percent = (share: number | null) => (share === null ? '-' : `${Number((100 * share).toFixed(3))} %`);
const ms = (value: number | null) => (value === null ? '-' : `${Math.round(value)} ms`);
/** Names come from the application or a provider. */
const cell = (text: string) => escapeControls(text).replaceAll('|', '\\|');
