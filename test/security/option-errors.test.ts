import { type InvalidOptionError, ModelRouter } from 'model-router';
import { describe, expect, it } from 'vitest';

/** Threat: a key in the wrong place of the options is quoted in the error, and the error is logged. */
const KEY = 'sk-MARK-0123456789abcdef';
const client = { apiKey: 'sk-another-key-1', baseURL: 'https://up.test/v1' };
const clients = { default: client };

const MISPLACED: Record<string, object> = {
  options: { clients: KEY },
  'a client': { clients: { default: KEY } },
  'the name of a client': { clients: { [KEY]: KEY } },
  'the base URL': { clients: { default: { apiKey: 'x', baseURL: KEY } } },
  'the path of a base URL without a scheme': { clients: { default: { apiKey: 'x', baseURL: `up.test/v1/${KEY}` } } },
  timeout: { clients: { default: { ...client, timeout: KEY } } },
  'the timeout of the router': { clients, timeout: KEY },
  maxRetries: { clients, maxRetries: KEY },
  'default headers': { clients, defaultHeaders: KEY },
  'default headers of a client': { clients: { default: { ...client, defaultHeaders: KEY } } },
  'headers of a deployment': { clients, deployments: { m: { headers: KEY } } },
  'a header of a deployment': { clients, deployments: { m: { headers: { 'x-key': [KEY] } } } },
  'a deployment': { clients, deployments: { m: KEY } },
  'the client of a deployment': { clients, deployments: { m: { client: KEY } } },
  'a price': { clients, deployments: { m: { price: KEY } } },
  prefixes: { clients, prefixes: KEY },
  'a prefix': { clients, prefixes: { 'x/': KEY } },
  'headers of a prefix': { clients, prefixes: { 'x/': { client: 'default', headers: KEY } } },
  routes: { clients, deployments: { m: {} }, routes: { r: [KEY] } },
  deadlineMs: { clients, deadlineMs: KEY },
  breaker: { clients, breaker: KEY },
  retry: { clients, retry: { baseMs: KEY } },
  cache: { clients, cache: KEY },
  budgets: { clients, budgets: KEY },
  prices: { clients, prices: KEY },
  countTokens: { clients, countTokens: KEY },
  logger: { clients, logger: KEY },
  unlistedModels: { clients, unlistedModels: KEY },
  headerOptions: { clients, headerOptions: [KEY] },
};

describe('a key instead of', () => {
  it.each(Object.entries(MISPLACED))('%s does not appear in the error', (_name, options) => {
    let thrown: unknown;
    try {
      void new ModelRouter(options as never).close();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    const { message, stack } = thrown as InvalidOptionError;
    // A name that the application has chosen is part of the option's path.
    const text = `${message} ${stack}`.replaceAll(`clients.${KEY}`, '');
    expect(text).not.toContain('MARK');
  });

  it('a number appears if it is short', () => {
    expect(() => new ModelRouter({ clients, deadlineMs: '5s' as never })).toThrow('"5s" is not allowed');
    expect(() => new ModelRouter({ clients, deadlineMs: KEY as never })).toThrow(
      'a string of 24 characters is not allowed',
    );
  });
});
