import { ModelRouter, type RouterSettings } from 'model-router';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime } from '../helpers/clock.js';
import { errorOf, messages } from '../helpers/messages.js';

useFakeTime();

const refusing = async () => Response.json({ error: { message: 'Overloaded.' } }, { status: 503 });
const hanging: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
  });

const optionsOf = (answer: typeof fetch) => ({
  ...{ apiKey: 'sk-0123456789', baseURL: 'http://one.test/v1', maxRetries: 0, logLevel: 'off' as const },
  fetch: answer,
});

function routerOver(client: OpenAI | ReturnType<typeof optionsOf>, more: RouterSettings = {}): ModelRouter {
  const deployments = { a: { client: 'default', model: 'm' }, b: { client: 'default', model: 'm' } };
  return new ModelRouter({
    clients: { default: client },
    deployments,
    routes: { r: ['a', 'b'] },
    maxAttempts: 2,
    ...more,
  });
}

/** By its name it is found in a stack. */
async function linesOfTheCaller(client: OpenAI, signal?: AbortSignal): Promise<unknown> {
  return await client.chat.completions.create({ model: 'r', messages }, { ...(signal && { signal }) });
}

async function stackOf(promise: Promise<unknown>): Promise<string> {
  return (await errorOf(promise)).stack ?? '';
}

describe('the stack of an error', () => {
  it('names the lines of the caller, as a plain client’s does', async () => {
    const plain = await stackOf(linesOfTheCaller(new OpenAI(optionsOf(refusing))));
    expect(plain).toMatch(/^Error: 503 Overloaded\.\n.*linesOfTheCaller/s);
    const routed = await stackOf(linesOfTheCaller(routerOver(optionsOf(refusing))));
    expect(routed).toMatch(/^Error: 503 Overloaded\.\n.*linesOfTheCaller/s);
  });

  it('names them where the caller has aborted', async () => {
    const controller = new AbortController();
    const stack = stackOf(linesOfTheCaller(routerOver(optionsOf(hanging)), controller.signal));
    await pass(1);
    controller.abort();
    expect(await stack).toMatch(/^Error: Request was aborted\.\n.*linesOfTheCaller/s);
  });

  it('names them where time was up, and so does its cause', async () => {
    const timedOut = stackOf(
      linesOfTheCaller(routerOver(optionsOf(hanging), { attemptTimeoutMs: 10, maxAttempts: 1 })),
    );
    const late = errorOf(linesOfTheCaller(routerOver(optionsOf(hanging), { deadlineMs: 100 })));
    await pass(100);
    expect(await timedOut).toContain('linesOfTheCaller');
    expect((await late).stack).toContain('linesOfTheCaller');
    expect(((await late).cause as Error).stack).toContain('linesOfTheCaller');
  });

  it('is there where no deployment is called', async () => {
    const error = await errorOf(routerOver(optionsOf(refusing)).files.retrieve('file-1'));
    expect(error.stack).toMatch(/\n +at /);
  });

  it('is that of a hook of the application, if that makes the error', async () => {
    class Hooked extends ModelRouter {
      protected override makeStatusError(): never {
        throw new TypeError('A fault in the hook.');
      }
    }
    const router = new Hooked({ clients: { default: optionsOf(refusing) } });
    expect(await stackOf(linesOfTheCaller(router))).toMatch(/^TypeError: A fault in the hook\.\n.*makeStatusError/s);
  });

  it('is the client’s own if the application has built the client', async () => {
    const client = new OpenAI(optionsOf(refusing));
    const routed = await stackOf(linesOfTheCaller(routerOver(client)));
    expect(routed).toMatch(/\n +at APIError\.generate/);
    expect(await stackOf(linesOfTheCaller(client))).toMatch(/\n +at APIError\.generate.*linesOfTheCaller/s);
  });
});
