import type { RedisCommands } from './commands.js';
import type { Grant } from './ledger/ledger.js';
import { SCRIPT, SCRIPT_VERSION } from './script.js';
import type { FleetMessage, FleetReply, FleetStore, KeyedClaim } from './store.js';

/** The ledger on Redis: one script, and one command for each exchange. */
export function redisFleetStore(commands: RedisCommands): FleetStore {
  let sha: Promise<string> | undefined;
  let sent = 0;
  const run = async (keys: readonly string[], args: readonly string[]): Promise<unknown> => {
    sha ??= sha1(SCRIPT);
    const rest = [String(keys.length), ...keys, ...args];
    const [first = ''] = keys;
    try {
      return await commands.send(first, ['EVALSHA', await sha, ...rest]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return commands.send(first, ['EVAL', SCRIPT, ...rest]);
    }
  };
  return {
    isReady: () => commands.isReady(),
    warnings: () => warningsOf(commands),
    async exchange(message) {
      const { name, worker, heartbeatMs, claims, facts } = message;
      sent += 1;
      const requestId = `${worker} ${sent}`;
      const tag = `mr1:{${name}}`;
      const keys = [`${tag}:workers`, `${tag}:pauses`, ...claims.map((each) => keyOf(tag, each))];
      const { found = [], ended = [] } = facts ?? {};
      const args = [
        String(heartbeatMs),
        worker,
        String(SCRIPT_VERSION),
        String(sent),
        facts === undefined ? '0' : '1',
        String(found.length),
        ...found.flatMap(([field, forMs]) => [field, String(Math.ceil(forMs))]),
        String(ended.length),
        ...ended.flatMap(([field, until]) => [field, String(until)]),
        ...claims.flatMap(fieldsOf),
      ];
      return readReply(await run(keys, args), message, requestId);
    },
  };
}

function keyOf(tag: string, { key, rules }: KeyedClaim): string {
  return `${tag}:${rules.window === 'rate' ? 'rate' : 'spend'}:${key}`;
}

/** The fields in the order in which the script reads them. */
function fieldsOf({ rules, claim }: KeyedClaim): string[] {
  const { limit, window, outageShare, lost } = rules;
  const { seq, ack, epoch, have, need, want, most, settled, next, seen, leaving } = claim;
  const amounts = [have, need, want, most, settled, next, seen].map((each) => String(Math.ceil(each)));
  const head = [String(limit), String(window), String(outageShare), lost];
  return [...head, String(seq), String(ack), epoch, String(claim.window), ...amounts, leaving ? '1' : '0'];
}

function readReply(reply: unknown, { claims }: FleetMessage, requestId: string): FleetReply {
  // An answer that belongs to another command must not raise an allowance.
  if (!Array.isArray(reply) || reply[4] !== requestId) throw new Error('The answer belongs to another command.');
  const [epoch, version, facts, grants]: unknown[] = reply;
  return {
    epoch: String(epoch),
    version: Number(version),
    facts: rows(facts).map(([field = '', leftMs, until]) => ({ field, leftMs: Number(leftMs), until: Number(until) })),
    grants: claims.map((_, i) => readGrant(rows(grants)[i] ?? [])),
  };
}

function rows(value: unknown): string[][] {
  if (!Array.isArray(value)) return [];
  return value.map((row: unknown) => (Array.isArray(row) ? row.map(String) : []));
}

function readGrant([epoch, ...numbers]: string[]): Grant | undefined {
  if (epoch === undefined) return undefined;
  const [window, ends, length, allowance, outage, next, spent, left, seen, seenNext, workers, rebuildMs] =
    numbers.map(Number);
  const orForever = (ms = -1) => (ms < 0 ? Number.POSITIVE_INFINITY : ms);
  return {
    epoch,
    window: window ?? 0,
    endsInMs: orForever(ends),
    nextMs: orForever(length),
    allowance: allowance ?? 0,
    outage: outage ?? 0,
    next: next ?? 0,
    spent: spent ?? 0,
    left: left ?? 0,
    seen: seen ?? 0,
    seenNext: seenNext ?? 0,
    workers: workers ?? 1,
    rebuildMs: rebuildMs ?? 0,
  };
}

/** A server that evicts keys loses spending. If it hides its policy, there is no warning. */
async function warningsOf(commands: RedisCommands): Promise<string[]> {
  if (!commands.isFull) return [];
  const info = String(await commands.send('', ['INFO', 'memory']));
  const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
  const limit = Number(/maxmemory:(\d+)/.exec(info)?.[1] ?? '0');
  if (policy === undefined || policy === 'noeviction' || limit === 0) return [];
  return [
    `the Redis server evicts keys when its memory is full (maxmemory-policy ${policy}), so it can forget what was spent; ` +
      'set maxmemory-policy noeviction',
  ];
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
