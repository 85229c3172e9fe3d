import { createServer, type IncomingMessage } from 'node:http';

/** What one model was billed for, even if no caller waited for the answer, in dollars. */
export interface Bill {
  total: number;
  /** The most within any window. */
  most: number;
  answers: number;
}

export interface BillingProvider {
  readonly url: string;
  bill(model: string): Readonly<Bill>;
  close(): void;
}

/** A provider that answers after a short time, and adds up its charges, against which the drills compare. */
export async function startProvider(windowMs = Number.POSITIVE_INFINITY, answerMs = 30): Promise<BillingProvider> {
  const bills = new Map<string, Bill>();
  const recent: { model: string; at: number; usd: number }[] = [];
  const billOf = (model: string) => {
    const bill = bills.get(model) ?? { total: 0, most: 0, answers: 0 };
    bills.set(model, bill);
    return bill;
  };
  const charge = (model: string, usd: number) => {
    const bill = billOf(model);
    bill.total += usd;
    bill.answers += 1;
    if (windowMs === Number.POSITIVE_INFINITY) {
      bill.most = bill.total;
      return;
    }
    const at = performance.now();
    recent.push({ model, at, usd });
    while (recent[0] !== undefined && recent[0].at <= at - windowMs) recent.shift();
    const mine = recent.filter((each) => each.model === model);
    bill.most = Math.max(
      bill.most,
      mine.reduce((sum, each) => sum + each.usd, 0),
    );
  };
  let seed = 1;
  const server = createServer(async (request, response) => {
    const model = await modelOf(request);
    seed = (seed * 48_271) % 2_147_483_647;
    const output = 40 + (seed % 61);
    charge(model, output / 1000 + 5e-9);
    const body = JSON.stringify({
      id: `chatcmpl-${seed}`,
      object: 'chat.completion',
      created: 1,
      model,
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hi.' } }],
      usage: { prompt_tokens: 5, completion_tokens: output, total_tokens: 5 + output },
    });
    setTimeout(
      () => response.writeHead(200, { 'content-type': 'application/json' }).end(body),
      answerMs * (0.5 + (seed % 100) / 50),
    );
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    bill: billOf,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function modelOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { model }: { model: string } = JSON.parse(text);
  return model;
}
