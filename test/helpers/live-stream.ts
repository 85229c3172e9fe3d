import { ModelRouter, type RouterSettings } from 'model-router';
import { onTestFinished } from 'vitest';
import { content, done, finish, role } from './event-streams.js';

/** The body of one answer, which a test sends piece by piece. */
export interface LiveStream {
  send(...texts: string[]): void;
  end(): void;
  cut(): void;
  readonly isCancelled: () => boolean;
}

/** A router whose streams the test sends itself. Their first content is there at once. */
export function liveRouter(settings: RouterSettings = {}): { router: ModelRouter; streams: LiveStream[] } {
  const streams: LiveStream[] = [];
  const encoder = new TextEncoder();
  const fetch = async (_: unknown, init?: RequestInit) => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        const write = (text: string) => controller.enqueue(encoder.encode(text));
        write(role + content(`${streams.length}: `));
        init?.signal?.addEventListener('abort', () => {
          isCancelled = true;
        });
        streams.push({
          send: (...texts) => {
            for (const text of texts) write(content(text));
          },
          end: () => {
            write(finish() + done);
            controller.close();
          },
          cut: () => controller.error(new TypeError('terminated')),
          isCancelled: () => isCancelled,
        });
      },
      cancel() {
        isCancelled = true;
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-a', baseURL: 'https://a.test/v1', fetch, logLevel: 'off' } },
    deployments: { a: {} },
    routes: { standard: ['a'] },
    cache: true,
    ...settings,
  });
  onTestFinished(() => {
    void router.close();
  });
  return { router, streams };
}
