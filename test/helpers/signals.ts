/** A signal that counts its listeners. */
export function countedSignal(): { controller: AbortController; signal: AbortSignal; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const listening = new Map<unknown, { isOnce: boolean }>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    const [, listener, options] = given;
    listening.set(listener, { isOnce: typeof options === 'object' && options.once === true });
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listening.delete(given[1]);
    remove(...given);
  };
  // An abort removes `once` listeners.
  const isThere = ({ isOnce }: { isOnce: boolean }) => !(isOnce && signal.aborted);
  return { controller, signal, listeners: () => [...listening.values()].filter(isThere).length };
}
