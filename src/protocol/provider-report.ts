import { isRecord } from '../util/is-record.js';
import { cut } from '../util/shown.js';

/** What some providers report about themselves in `usage`; `undefined` if there is nothing. */
export function providerReportOf(
  usage: unknown,
): { latency_p99: number | null; region: string | null; uptime_percentage: number | null } | undefined {
  if (!isRecord(usage)) return undefined;
  const { latency_p99, region, uptime_percentage } = usage;
  if (latency_p99 === undefined && region === undefined && uptime_percentage === undefined) return undefined;
  const report = {
    latency_p99: finite(latency_p99),
    region: typeof region === 'string' && region !== '' ? cut(region) : null,
    uptime_percentage: finite(uptime_percentage),
  };
  return Object.values(report).every((each) => each === null) ? undefined : report;
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
