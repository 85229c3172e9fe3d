/**
 * What people write who know another library, or an older name of ours. By the place of the option: `''` for the
 * constructor, routes and calls, else the name of the object. A value with a space is a sentence, else the right name.
 */
const SYNONYMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {
    scope: 'tenant',
    user: 'tenant',
    userId: 'tenant',
    customer: 'tenant',
    namespace: 'tenant',
    circuitBreaker: 'breaker',
    circuit_breaker: 'breaker',
    retries: 'maxAttempts',
    numRetries: 'maxAttempts',
    num_retries: 'maxAttempts',
    retryCount: 'maxAttempts',
    attempts: 'maxAttempts',
    maxRetry: 'maxRetries',
    max_retries: 'maxRetries',
    hedge: 'hedgeAfterMs',
    hedging: 'hedgeAfterMs',
    hedgeMs: 'hedgeAfterMs',
    hedgeAfter: 'hedgeAfterMs',
    hedgeDelayMs: 'hedgeAfterMs',
    fallback: 'fallbacks',
    fallbackModels: 'fallbacks',
    fallback_models: 'fallbacks',
    models: 'deployments',
    modelList: 'deployments',
    model_list: 'deployments',
    endpoints: 'deployments',
    targets: 'deployments',
    providers: 'clients',
    upstreams: 'clients',
    backends: 'clients',
    accounts: 'clients',
    modelGroups: 'routes',
    groups: 'routes',
    aliases: 'routes',
    timeoutMs: 'attemptTimeoutMs',
    requestTimeout: 'attemptTimeoutMs',
    request_timeout: 'attemptTimeoutMs',
    totalTimeoutMs: 'deadlineMs',
    region: 'regions',
    budget: 'budgets',
    spendLimit: 'budgets',
    maxBudget: 'budgets',
    maxCost: 'maxCostUsd',
    max_cost: 'maxCostUsd',
    costLimit: 'maxCostUsd',
    caching: 'cache',
    ttl: 'cache: { ttlMs }',
    ttlMs: 'cache: { ttlMs }',
    pricing: 'prices',
    onFallback: "listen with router.on('attempt-failed', listener)",
    onFailover: "listen with router.on('attempt-failed', listener)",
    onRetry: "listen with router.on('attempt-failed', listener)",
    onError: "listen with router.on('call-ended', listener)",
    onEvent: 'listen with router.on(type, listener)',
    hooks: 'listen with router.on(type, listener)',
    // Of the simulation, before they had their names.
    does: 'behavior',
    spellMs: 'burstMs',
    everyMs: 'stepMs',
    keepFailed: 'maxFailedCalls',
  },
  retry: {
    retries: 'give `maxAttempts`, beside `retry`',
    attempts: 'give `maxAttempts`, beside `retry`',
    maxAttempts: 'give it beside `retry`',
    maxRetries: 'give it beside `retry`',
    limit: 'give `maxAttempts`, beside `retry`',
    delay: 'baseMs',
    delayMs: 'baseMs',
    initialDelayMs: 'baseMs',
    minTimeout: 'baseMs',
    minMs: 'baseMs',
    maxDelayMs: 'maxMs',
    maxTimeout: 'maxMs',
    cap: 'maxMs',
    ratio: 'budget',
  },
  breaker: {
    threshold: 'failures',
    failureThreshold: 'failures',
    errorThreshold: 'failures',
    maxFailures: 'failures',
    errorThresholdPercentage: 'minRate',
    failureRate: 'minRate',
    rate: 'minRate',
    resetTimeout: 'cooldownMs',
    resetTimeoutMs: 'cooldownMs',
    cooldown: 'cooldownMs',
    halfOpenAfter: 'cooldownMs',
    openMs: 'cooldownMs',
    timeout: 'cooldownMs',
    window: 'windowMs',
    rollingCountTimeout: 'windowMs',
    consecutiveFailures: 'consecutive',
    enabled: 'give `breaker: false` to turn it off',
  },
  price: {
    prompt: 'input',
    promptTokens: 'input',
    inputTokens: 'input',
    input_cost_per_token: 'input',
    completion: 'output',
    completionTokens: 'output',
    outputTokens: 'output',
    output_cost_per_token: 'output',
    cached: 'cachedInput',
    cacheRead: 'cachedInput',
    cachedTokens: 'cachedInput',
  },
  cache: {
    which: 'mode',
    ttl: 'ttlMs',
    ttlSeconds: 'ttlMs',
    swr: 'staleMs',
    staleWhileRevalidate: 'staleMs',
    staleWhileRevalidateMs: 'staleMs',
    staleIfError: 'staleIfErrorMs',
    max: 'maxEntries',
    maxSize: 'maxBytes',
    store: 'give `cacheStore`, beside `cache`',
  },
  deployments: {
    provider: 'client',
    upstream: 'client',
    cost: 'price',
    pricing: 'price',
    contextLength: 'contextWindow',
    maxTokens: 'maxOutputTokens',
    max_tokens: 'maxOutputTokens',
    regions: 'region',
  },
  // However they are spelled: a key must not go to api.openai.com because of `base_url`, `baseUrl` or `BASEURL`.
  clients: {
    url: 'baseURL',
    uri: 'baseURL',
    baseurl: 'baseURL',
    baseuri: 'baseURL',
    basepath: 'baseURL',
    apibase: 'baseURL',
    apiurl: 'baseURL',
    apihost: 'baseURL',
    endpoint: 'baseURL',
    azureendpoint: 'baseURL',
    apiendpoint: 'baseURL',
    host: 'baseURL',
    hostname: 'baseURL',
    server: 'baseURL',
    serverurl: 'baseURL',
    origin: 'baseURL',
    apikey: 'apiKey',
    key: 'apiKey',
    token: 'apiKey',
    apitoken: 'apiKey',
    accesstoken: 'apiKey',
    authtoken: 'apiKey',
    headers: 'defaultHeaders',
    query: 'defaultQuery',
    timeoutms: 'timeout',
    retries: 'maxRetries',
    maxretries: 'maxRetries',
    maxretry: 'maxRetries',
    org: 'organization',
  },
};

/** `deployments.a.price` is the place `price`, `clients.default` the place `clients`. */
function placeOf(path: string): string {
  const parts = path.split('.');
  const last = parts.at(-1) ?? '';
  if (parts[0] === 'prices' && parts.length > 1) return 'price';
  if (last in SYNONYMS) return last;
  return parts[0] === 'deployments' || parts[0] === 'clients' ? parts[0] : '';
}

/**
 * What was meant by an option that does not exist, in words; `undefined` where that is not known, or where `allowed`
 * says that it does not exist there either.
 */
export function synonymOf(path: string, key: string, allowed?: readonly string[]): string | undefined {
  const place = SYNONYMS[placeOf(path)] ?? {};
  const spelling = [key, key.toLowerCase().replace(/[_-]/g, '')].find((each) => Object.hasOwn(place, each));
  const meant = spelling === undefined ? undefined : place[spelling];
  if (meant === undefined) return undefined;
  const [name = ''] = meant.split(':');
  if (name.includes(' ')) return meant;
  const mayBe = path === '' || allowed === undefined || allowed.includes(name);
  return mayBe ? `did you mean \`${meant}\`?` : undefined;
}
