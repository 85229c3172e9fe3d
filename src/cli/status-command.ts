import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Status } from '../status/index.js';
import { escapeControls } from '../util/shown.js';
import { textTable } from '../util/text-table.js';
import { type CommandResult, WrongArgument, withArguments } from './command.js';

const HELP = `model-router status URL: a live table of a running router, until Ctrl-C

URL is that of a status page (model-router/status). Without a terminal it prints once.

  --once                  print once; the exit code is 1 if a deployment has a problem
  --header 'NAME: VALUE'  sent with each request, such as an authorization; may be repeated
  --help`;

const OPTIONS = {
  once: { type: 'boolean', default: false },
  header: { type: 'string', multiple: true, default: [] as string[] },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const EVERY_MS = 2000;
const PROBLEMS: ReadonlySet<string> = new Set(['down', 'suspended', 'failing', 'probing', 'paused']);
const CLEAR = '\u001b[H\u001b[J';

/** The terminal for a live table, until the signal aborts. */
export interface Screen {
  readonly write: (text: string) => unknown;
  readonly signal: AbortSignal;
}

/** `model-router status`. Without a terminal it prints once. */
export function statusCommand(args: readonly string[], screen?: Screen): Promise<CommandResult> {
  return withArguments('status', async () => {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    if (values.help) return { code: 0, output: HELP };
    const url = urlOf(positionals);
    const headers = headersOf(values.header);
    if (values.once || screen === undefined) return look(url, headers);
    while (!screen.signal.aborted) {
      const { output } = await look(url, headers);
      screen.write(`${CLEAR}${output}\n`);
      await sleep(EVERY_MS, undefined, { signal: screen.signal }).catch(() => undefined);
    }
    return { code: 0, output: '' };
  });
}

function urlOf([url = '', ...rest]: readonly string[]): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || rest.length > 0)
    throw new WrongArgument(
      'URL',
      [url, ...rest].join(' '),
      'the address of a status page, such as http://localhost:3000/status',
    );
  if (!parsed.pathname.endsWith('/status.json')) parsed.pathname = `${parsed.pathname.replace(/\/$/, '')}/status.json`;
  return parsed;
}

function headersOf(given: readonly string[]): Headers {
  const headers = new Headers();
  for (const [index, line] of given.entries()) {
    const [, name, value] = /^([\w-]+)\s*:\s*(.+)$/.exec(line) ?? [];
    // The value may be a key.
    if (name === undefined || value === undefined)
      throw new WrongArgument('--header', `number ${index + 1}`, "'NAME: VALUE'");
    headers.append(name, value);
  }
  return headers;
}

async function look(url: URL, headers: Headers): Promise<CommandResult> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
    if (!response.ok) return { code: 1, output: `${url.origin}${url.pathname} answered with HTTP ${response.status}.` };
    const status = (await response.json()) as Status;
    const isFine = Object.values(status.deployments).every(({ health }) => !PROBLEMS.has(health));
    return { code: isFine ? 0 : 1, output: show(status) };
  } catch (error) {
    const cause = error instanceof Error ? ((error.cause as Error | undefined) ?? error).message : String(error);
    return { code: 1, output: escapeControls(`${url.origin}${url.pathname} gives no status: ${cause}`) };
  }
}

function show(status: Status): string {
  const { counted, answered, failovers } = status.calls;
  const at = Date.parse(status.at);
  const rows = Object.entries(status.deployments)
    .sort(([, a], [, b]) => Number(PROBLEMS.has(b.health)) - Number(PROBLEMS.has(a.health)))
    .map(([id, d]) => [
      d.health,
      id,
      d.region ?? '',
      d.since === null ? '' : `${time(d.since)} (${ago(at - Date.parse(d.since))})`,
      String(d.requests),
      String(d.failedAttempts),
      d.latencyMs.p99 === null ? '' : `${Math.round(d.latencyMs.p99)} ms`,
      usd(d.costUsd),
      PROBLEMS.has(d.health) ? why(d) : '',
    ]);
  const lines = [
    `${status.title}: process ${status.process.id ?? 'unknown'}, ${time(status.at)}`,
    `${answered} of ${counted} calls answered, ${failovers} failovers, cost ${usd(status.spend.totalUsd)}`,
    '',
    textTable([['', 'deployment', 'region', 'since', 'attempts', 'failed', 'p99', 'cost', 'why'], ...rows]),
  ];
  return lines.join('\n').split('\n').map(escapeControls).join('\n');
}

function why({ lastFailure }: Status['deployments'][string]): string {
  if (lastFailure === null) return '';
  const { outcome, status, code, durationMs } = lastFailure;
  const answer = status === null ? '' : `, HTTP ${status}`;
  return `${outcome}${answer} after ${Math.round(durationMs)} ms${code === null ? '' : ` (${code})`}`;
}

const time = (iso: string) => new Date(iso).toLocaleTimeString('en-GB');
/** A cost that is too small to show is not shown as none. */
function usd(value: number | null): string {
  if (value === null) return 'unknown';
  if (value === 0) return '$0';
  return value < 0.0001 ? '<$0.0001' : `$${value.toFixed(value < 1 ? 4 : 2)}`;
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
