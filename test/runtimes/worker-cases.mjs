// One router over many requests on Workers, where a request must never wait for another's I/O.
import { join } from 'node:path';
import { withEsbuild } from './bundles.mjs';

const limitMs = 5000;
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {(flags: string[]) => (context: { baseURL: string, signal: AbortSignal }) => Promise<any>} */
const onWorkerd =
  (flags) =>
  async ({ baseURL, signal }) => {
    const { Miniflare } = await import('miniflare');
    // Cells run concurrently, and perhaps once more, so each counts its own models.
    const [down, shadow] = [unique('down'), unique('shadow')];
    const scriptPath = await withEsbuild(join(import.meta.dirname, '.out', `worker-${flags.length}.mjs`), {
      entryPoints: [join(import.meta.dirname, 'worker.mjs')],
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      platform: 'browser',
      define: { BASE_URL: JSON.stringify(baseURL), DOWN: JSON.stringify(down), SHADOW: JSON.stringify(shadow) },
      external: ['node:*', 'cloudflare:*'],
    });
    const mf = new Miniflare({ modules: true, scriptPath, compatibilityDate: '2026-07-01', compatibilityFlags: flags });
    signal.addEventListener('abort', () => void mf.dispose());
    /** One request to the Worker, limited to five seconds. */
    const request = async (body) => {
      const late = sleep(limitMs).then(() => ({ error: `no answer in ${limitMs} ms` }));
      const answered = mf
        .dispatchFetch('http://worker.test/', { method: 'POST', body: JSON.stringify(body) })
        .then((response) => response.json());
      return Promise.race([answered, late]);
    };
    const count = async (model) => (await (await fetch(`${baseURL}/count`)).json())[model] ?? 0;
    const router = [];
    try {
      // The runtime starts with its first request, which takes long on a busy machine.
      const body = JSON.stringify({ router: 'cached', model: 'first' });
      await (await mf.dispatchFetch('http://worker.test/', { method: 'POST', body })).text();
      for (const [step, run] of Object.entries(cases)) {
        const error = await run({ request, count, down, shadow }).then(
          () => null,
          (thrown) => String(thrown instanceof Error ? thrown.message : thrown),
        );
        router.push({ step, error });
      }
    } finally {
      await mf.dispose();
    }
    return { plain: [], router };
  };

function same(found, wanted) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${one}, and not ${other}`);
}

/** Background work takes long on a busy machine. */
async function reaches(wanted, count) {
  for (let left = 50; left > 0 && (await count()) < wanted; left--) await sleep(100);
  same(await count(), wanted);
}

let names = 0;
const unique = (model) => `${model}-${Date.now().toString(36)}-${names++}`;

/** Two requests for the same answer, the second one while the first waits. */
async function both(request, first, second) {
  const model = unique('slow600');
  const one = request({ router: 'cached', model, ...first });
  await sleep(100);
  return [model, ...(await Promise.all([one, request({ router: 'cached', model, ...second })]))];
}

const cases = {
  'equal calls of two requests': async ({ request }) => {
    const [, one, two] = await both(request, {}, {});
    same([one.text ?? one.error, two.text ?? two.error], ['hello there', 'hello there']);
  },
  'the first one aborts': async ({ request }) => {
    const [model, one, two] = await both(request, { abortMs: 150 }, {});
    same([one.error, two.text], ['Request was aborted.', 'hello there']);
    same((await request({ router: 'cached', model })).text, 'hello there');
  },
  'the first one reaches its deadline': async ({ request }) => {
    const [model, one, two] = await both(request, { deadlineMs: 150 }, {});
    same([one.error, two.text], ['deadline_exceeded', 'hello there']);
    same((await request({ router: 'cached', model })).text, 'hello there');
  },
  'the first one leaves its stream': async ({ request }) => {
    const [model, one, two] = await both(request, { stream: true, breaksOff: true }, { stream: true });
    same([one.text, two.text], ['hello ', 'hello thére']);
    same((await request({ router: 'cached', model, stream: true })).text, 'hello thére');
  },
  'the second one aborts': async ({ request }) => {
    const [model, one, two] = await both(request, {}, { abortMs: 50 });
    same([one.text, two.error], ['hello there', 'Request was aborted.']);
    same((await request({ router: 'cached', model })).text, 'hello there');
  },
  'what is stored is shared': async ({ request, count }) => {
    const [model] = await both(request, {}, {});
    const before = await count(model);
    same((await request({ router: 'cached', model })).text, 'hello there');
    same(await count(model), before);
  },
  'a stale answer is refreshed under waitUntil': async ({ request, count }) => {
    const model = unique('slow50');
    await request({ router: 'stale', model });
    await sleep(100);
    const { text } = await request({ router: 'stale', model, waits: true });
    same(text, 'hello there');
    await reaches(2, () => count(model));
    // Past its time to live, but no older than the refresh: answered from the store.
    same((await request({ router: 'stale', model, waits: true })).text, 'hello there');
  },
  'without waitUntil the caller waits for the refresh': async ({ request, count }) => {
    const model = unique('slow50');
    await request({ router: 'stale', model });
    await sleep(100);
    same((await request({ router: 'stale', model })).text, 'hello there');
    same(await count(model), 2);
  },
  'a router whose constructor has waitUntil refreshes a stale answer in the background': async ({ request, count }) => {
    const model = unique('slow50');
    await request({ router: 'background', model });
    await sleep(100);
    const { cache } = await request({ router: 'background', model });
    same(cache, 'stale');
    await reaches(2, () => count(model));
  },
  'a second call waits for a slot': async ({ request }) => {
    const [one, two] = await Promise.all([0, 1].map(() => request({ router: 'full', model: 'slow200' })));
    same([one.text ?? one.error, two.text ?? two.error], ['hello there', 'hello there']);
  },
  'shadow calls are dropped with one warning': async ({ request, count, shadow }) => {
    const call = () => request({ router: 'shadowed', model: 'chat' });
    await call();
    const { text } = await call();
    await sleep(200);
    const { lines } = await call();
    same([text, lines.filter((line) => line.includes('waitUntil')).length], ['hello there', 1]);
    same(await count(shadow), 0);
  },
  'shadow calls run under waitUntil': async ({ request, count, shadow }) => {
    same((await request({ router: 'shadowed, waitUntil', model: 'chat' })).text, 'hello there');
    await reaches(1, () => count(shadow));
  },
  'a plan at module scope': async ({ request }) => {
    const { explained } = await request({ router: 'cached', model: 'a' });
    same(explained, ['default/*']);
  },
  "a breaker's window moves on after the request that made it": async ({ request, count, down }) => {
    const failing = () => request({ router: 'breaking', model: 'chat' });
    for (let call = 0; call < 2; call++) same((await failing()).deployment, 'good');
    await sleep(3500);
    // Two old failures and two new ones: never three in one window.
    for (let call = 0; call < 2; call++) same((await failing()).state, 'closed');
    same((await failing()).state, 'open');
    const before = await count(down);
    await failing();
    same(await count(down), before);
    await sleep(3500);
    await failing();
    same(await count(down), before + 1);
  },
};

export const workerCases = {
  'workerd, two requests': onWorkerd([]),
  'workerd, nodejs_compat, two requests': onWorkerd(['nodejs_compat']),
};
