import { createServer } from 'node:http';

export interface BillingProvider {
  readonly url: string;
  /** Dollars, of every answer that was begun, whether or not anybody waited for it. */
  readonly billed: number;
  /** The most that was billed within any `windowMs`. */
  readonly most: number;
  readonly answers: number;
  close(): void;
}

/** A provider that answers after a short while, and adds up what it charges: the truth. */
export async function startProvider(windowMs = Number.POSITIVE_INFINITY, answerMs = 30): Promise<BillingProvider> {
  const bill = { total: 0, most: 0, answers: 0 };
  let recent: { at: number; usd: number }[] = [];
  let seed = 1;
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      seed = (seed * 48_271) % 2_147_483_647;
      const output = 40 + (seed % 61);
      const usd = output / 1000 + 5e-9;
      const at = performance.now();
      bill.total += usd;
      bill.answers += 1;
      recent = [...recent.filter((each) => each.at > at - windowMs), { at, usd }];
      bill.most = Math.max(
        bill.most,
        windowMs === Number.POSITIVE_INFINITY ? bill.total : recent.reduce((sum, each) => sum + each.usd, 0),
      );
      if (windowMs === Number.POSITIVE_INFINITY) recent = [];
      const body = JSON.stringify({
        id: `chatcmpl-${bill.answers}`,
        object: 'chat.completion',
        created: 1,
        model: 'a',
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hi.' } }],
        usage: { prompt_tokens: 5, completion_tokens: output, total_tokens: 5 + output },
      });
      setTimeout(
        () => response.writeHead(200, { 'content-type': 'application/json' }).end(body),
        answerMs * (0.5 + (seed % 100) / 50),
      );
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    get billed() {
      return bill.total;
    },
    get most() {
      return bill.most;
    },
    get answers() {
      return bill.answers;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
