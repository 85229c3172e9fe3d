// An application written for `openai` (app/support-desk.ts), run with a plain client and with a router, on a good day
// and on a bad one. Its code does not change: only the construction of the client does.
import assert from 'node:assert/strict';
import { ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';
import { OpenAI } from 'openai';
import { handleTicket } from './app/support-desk.ts';

const ticket = 'I was charged twice for my order 4711. Please help!';
const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const good = answer({
  content: ({ stream }) =>
    stream ? 'Sorry about that! The second charge is on its way back.' : 'Charged twice for one order.',
});
const provider = await startFakeProvider({ models: { [cheap]: good, 'qwen/Qwen3-32B': good } });
const connection = { apiKey: 'a-key-for-the-fake', baseURL: provider.url };

// Before:
const plain = new OpenAI(connection);

// After:
const router = new ModelRouter({
  clients: { default: connection },
  deployments: { [cheap]: {}, 'qwen/Qwen3-32B': {} },
  // The application uses the models' own names; this lists the ones to fail over to.
  fallbacks: ['qwen/Qwen3-32B'],
});

/** Runs the application once, and describes the result. */
async function run(name: string, client: OpenAI): Promise<string> {
  try {
    const { summary, reply } = await handleTicket(client, ticket);
    console.log(`  ${name}: ${summary} -> ${reply}`);
    return `${summary} ${reply}`;
  } catch (error) {
    console.log(`  ${name}: ${error instanceof Error ? error.message : error}`);
    return 'failed';
  }
}

console.log('A good day:');
const plainGood = await run('plain ', plain);
const routerGood = await run('router', router);
assert.equal(routerGood, plainGood);

console.log(`A bad day, ${cheap} answers 503:`);
provider.set(cheap, fail(503, { message: 'Overloaded, try again later.' }));
assert.equal(await run('plain ', plain), 'failed');
assert.equal(await run('router', router), plainGood);

// It is an OpenAI client, for `instanceof` and for the compiler.
assert(router instanceof OpenAI);

await router.close();
await provider.close();
