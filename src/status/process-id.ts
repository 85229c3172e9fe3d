/** `undefined` on platforms without processes: browsers, Workers. */
export function processId(): number | undefined {
  const pid: unknown = Reflect.get(Reflect.get(globalThis, 'process') ?? {}, 'pid');
  return typeof pid === 'number' ? pid : undefined;
}
