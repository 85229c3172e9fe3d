import { headerRows, type RequestOptions } from './request-headers.js';

/**
 * The last part of a word that names a credential, and prefixes that are written in one word with it (`apikey`,
 * `accesstoken`).
 */
const SECRET_WORD =
  /^(?:api|access|account|auth|bearer|client|id|master|private|refresh|secret|service|session|subscription|user)*(?:auth|authentication|authorization|bearer|cookie|credentials?|jwt|key|pass|passphrase|passwd|password|secret|token)$/;
/** Sent with each request, but not secret. */
const NO_SECRET = new Set(['idempotency-key', 'sec-websocket-key']);

/** Whether a word in a header's name marks its value as a credential: `x-portkey-api-key`, not `x-portkey-provider`. */
export function isSecretHeader(name: string): boolean {
  if (NO_SECRET.has(name.toLowerCase())) return false;
  // `X-AuthToken` and `x_auth_token` are `x-auth-token`.
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z\d]+/);
  return words.some((word) => SECRET_WORD.test(word));
}

/** The credentials in headers, without their scheme: the secret of `Bearer x` is `x`. */
export function secretsOf(headers: RequestOptions['headers']): string[] {
  return headerRows(headers).flatMap(([name, value]) =>
    value !== null && isSecretHeader(name) ? [value.replace(/^\w+ /, '')] : [],
  );
}

/** Placeholders for a key at servers without keys (`apiKey: 'ollama'`), which errors use with their usual meaning. */
const PROVIDERS = [
  'ai21',
  'anthropic',
  'azure',
  'azure-openai',
  'baseten',
  'bedrock',
  'cerebras',
  'cloudflare',
  'cohere',
  'dashscope',
  'databricks',
  'deepinfra',
  'deepseek',
  'fireworks',
  'fireworks-ai',
  'gemini',
  'google',
  'huggingface',
  'litellm',
  'llamacpp',
  'lm-studio',
  'lmstudio',
  'localai',
  'mistral',
  'mistralai',
  'moonshot',
  'novita',
  'nvidia',
  'ollama',
  'openai',
  'openrouter',
  'perplexity',
  'portkey',
  'replicate',
  'sambanova',
  'siliconflow',
  'together',
  'together-ai',
  'vertex',
  'vertex-ai',
  'vllm',
];

/**
 * Distinguishes names from keys: names of providers, and of the router's own clients, models, deployments and routes. A
 * name is never masked, because an error would lose the word that explains it.
 */
export function nameTest(names: Iterable<string>): (value: string) => boolean {
  const known = new Set([...PROVIDERS, ...names].map((name) => name.toLowerCase()));
  return (value) => known.has(value.toLowerCase());
}
