import { InvalidOptionError } from '../errors.js';
import { isRecord } from '../util/is-record.js';

/** A Redis client of any library. */
export interface RedisCommands {
  /** Sends one command. `key` selects the node of a cluster. */
  send(key: string, command: readonly string[]): Promise<unknown>;
  /** Whether it is connected. A command that waits for a connection would come too late. */
  isReady(): boolean;
  /** Whether it accepts any command, or only `EVAL` and `EVALSHA`. */
  readonly isFull: boolean;
}

/** A connected client of `redis` (5 or later) or `ioredis`, or any object with `eval` and `evalsha`. */
export type RedisClient = object;

type Method = (...args: unknown[]) => unknown;

const WHAT =
  "a connected client: await createClient({ url }).connect() of 'redis' (5 or later), new Redis(url) of 'ioredis', or " +
  'an object with eval and evalsha';

/** Throws InvalidOptionError. */
export function commandsOf(option: string, client: unknown): RedisCommands {
  if (!isRecord(client) && typeof client !== 'function')
    throw new InvalidOptionError(option, `${client === null ? 'null' : typeof client} is not allowed; give ${WHAT}.`);
  const target: object = client;
  const sendCommand = methodOf(target, 'sendCommand');
  const call = methodOf(target, 'call');
  const evaluate = methodOf(target, 'eval');
  const evaluateSha = methodOf(target, 'evalsha');
  // ioredis has a `sendCommand` too, which takes its own kind of object.
  if (call !== undefined && Reflect.has(target, 'status')) return ofIoredis(target, call);
  if (sendCommand !== undefined) return ofNodeRedis(target, sendCommand);
  if (evaluate !== undefined && evaluateSha !== undefined) return ofScripts(evaluate, evaluateSha);
  if (methodOf(target, 'then') !== undefined)
    throw new InvalidOptionError(option, 'a promise is not allowed; await it: await createClient({ url }).connect().');
  throw new InvalidOptionError(option, `an object without eval and evalsha is not allowed; give ${WHAT}.`);
}

function methodOf(target: object, name: string): Method | undefined {
  const method: unknown = Reflect.get(target, name);
  return typeof method === 'function' ? (...args) => Reflect.apply(method, target, args) : undefined;
}

function ofIoredis(target: object, call: Method): RedisCommands {
  return {
    send: async (_key, [name = '', ...args]) => call(name, ...args),
    isReady: () => Reflect.get(target, 'status') === 'ready',
    isFull: true,
  };
}

function ofNodeRedis(target: object, sendCommand: Method): RedisCommands {
  // A cluster's client needs the key, to find the node.
  const isCluster = Reflect.has(target, 'slots') || Reflect.has(target, 'masters');
  return {
    send: async (key, command) => (isCluster ? sendCommand(key, false, command) : sendCommand(command)),
    isReady: () => Reflect.get(target, isCluster ? 'isOpen' : 'isReady') !== false,
    isFull: true,
  };
}

function ofScripts(evaluate: Method, evaluateSha: Method): RedisCommands {
  return {
    send: async (_key, [name = '', script, count, ...args]) =>
      (name === 'EVAL' ? evaluate : evaluateSha)(script, Number(count), ...args),
    isReady: () => true,
    isFull: false,
  };
}
