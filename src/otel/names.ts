/**
 * All names of the GenAI conventions, in one table: `published` are those of the semantic conventions 1.41, which
 * current dashboards use; `next` those of the conventions' own repository, which are still in development.
 */
export type NameSet = 'published' | 'next';

interface Names {
  /** Histograms, in seconds. */
  readonly duration: string;
  readonly embeddingsDuration: string;
  readonly firstChunk: string;
  /** One histogram with `gen_ai.token.type`, or one counter for each kind. */
  readonly tokens:
    | { readonly histogram: string }
    | {
        readonly input: string;
        readonly output: string;
        readonly cacheRead: string;
        readonly cacheWrite: string;
        readonly reasoning: string;
      };
  /** Attributes of a span. */
  readonly cacheWriteTokens: string;
  readonly reasoningTokens: string;
}

export const NAMES: Readonly<Record<NameSet, Names>> = {
  published: {
    duration: 'gen_ai.client.operation.duration',
    embeddingsDuration: 'gen_ai.client.operation.duration',
    firstChunk: 'gen_ai.client.operation.time_to_first_chunk',
    tokens: { histogram: 'gen_ai.client.token.usage' },
    cacheWriteTokens: 'gen_ai.usage.cache_creation.input_tokens',
    reasoningTokens: 'gen_ai.usage.reasoning.output_tokens',
  },
  next: {
    duration: 'gen_ai.client.inference.duration',
    embeddingsDuration: 'gen_ai.client.embeddings.duration',
    firstChunk: 'gen_ai.client.inference.time_to_first_chunk',
    tokens: {
      input: 'gen_ai.client.inference.usage.input_tokens',
      output: 'gen_ai.client.inference.usage.output_tokens',
      cacheRead: 'gen_ai.client.inference.usage.cache_read.input_tokens',
      cacheWrite: 'gen_ai.client.inference.usage.cache_write.input_tokens',
      reasoning: 'gen_ai.client.inference.usage.reasoning.output_tokens',
    },
    cacheWriteTokens: 'gen_ai.usage.cache_write.input_tokens',
    reasoningTokens: 'gen_ai.usage.reasoning.output_tokens',
  },
};

/** The same in both. */
export const ATTRIBUTES = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cacheReadTokens: 'gen_ai.usage.cache_read.input_tokens',
  tokenType: 'gen_ai.token.type',
  address: 'server.address',
  port: 'server.port',
  errorType: 'error.type',
} as const;

/** 1, then four times as many each. */
export const TOKEN_BUCKETS = Array.from({ length: 14 }, (_, i) => 4 ** i);

const OPERATIONS: Readonly<Record<string, string>> = {
  '/chat/completions': 'chat',
  '/responses': 'chat',
  '/completions': 'text_completion',
  '/embeddings': 'embeddings',
  '/moderations': 'moderation',
  '/audio/speech': 'speech',
  '/audio/transcriptions': 'transcription',
  '/audio/translations': 'translation',
};

export function operationOf(endpoint: string): string {
  return OPERATIONS[endpoint] ?? (endpoint.startsWith('/images/') ? 'image_generation' : 'other');
}

/** Hosts that the conventions have a name for. */
const PROVIDERS: readonly (readonly [RegExp, string])[] = [
  [/\.openai\.azure\.com$|\.cognitiveservices\.azure\.com$/, 'azure.ai.openai'],
  [/\.services\.ai\.azure\.com$|\.models\.ai\.azure\.com$/, 'azure.ai.inference'],
  [/(^|\.)deepseek\.com$/, 'deepseek'],
  [/(^|\.)groq\.com$/, 'groq'],
  [/(^|\.)mistral\.ai$/, 'mistral_ai'],
  [/(^|\.)x\.ai$/, 'x_ai'],
  [/(^|\.)perplexity\.ai$/, 'perplexity'],
  [/(^|\.)cohere\.(com|ai)$/, 'cohere'],
  [/(^|\.)moonshot\.(cn|ai)$/, 'moonshot_ai'],
  [/(^|\.)anthropic\.com$/, 'anthropic'],
  [/^bedrock-runtime\..*\.amazonaws\.com$/, 'aws.bedrock'],
  [/^generativelanguage\.googleapis\.com$/, 'gcp.gemini'],
  [/aiplatform\.googleapis\.com$/, 'gcp.vertex_ai'],
];

/** The server of a request. A server that only speaks OpenAI's protocol is `openai`; its address distinguishes it. */
export interface Server {
  readonly provider: string;
  readonly address?: string;
  readonly port?: number;
}

export function serverOf(baseURL: string | undefined): Server {
  if (baseURL === undefined || !URL.canParse(baseURL)) return { provider: 'openai' };
  const { hostname, port, protocol } = new URL(baseURL);
  const provider = PROVIDERS.find(([pattern]) => pattern.test(hostname))?.[1] ?? 'openai';
  return { provider, address: hostname, port: port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port) };
}
