// `npm run demo`: a router through half a minute in which nearly everything goes wrong, beside a plain client; offline.
// With GLOBAL_API_KEY in the environment (and, where they differ, GLOBAL_API_FALLBACK_KEY, GLOBAL_API_PRO_KEY and
// GLOBAL_API_BASE_URL), a few calls to the real thing instead.
import { setMaxListeners } from 'node:events';
import { runOffline } from './demo/offline.ts';
import { runReal } from './demo/real.ts';

if (process.env.GLOBAL_API_KEY) {
  if (!(await runReal(process.env))) process.exitCode = 1;
} else {
  const interrupted = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, interrupted.signal);
  const stop = () => interrupted.abort();
  process.once('SIGINT', stop);
  await runOffline(interrupted.signal);
  process.off('SIGINT', stop);
  if (interrupted.signal.aborted) process.exitCode = 130;
}
