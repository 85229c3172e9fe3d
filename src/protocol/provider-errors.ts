import type { ErrorOutcome } from './error-outcomes.js';

/*
 * What providers say, and what it means. To add one: a line here, a case in test/fixtures/provider-errors.json.
 * Each line names where it was seen. Codes are compared in lower case, without anything but letters and digits.
 */

/** Codes and types, normalized. */
export const CODES: Readonly<Record<string, ErrorOutcome>> = {
  // OpenAI, platform.openai.com/docs/guides/error-codes
  insufficientquota: 'unauthorized',
  billinghardlimitreached: 'unauthorized',
  billingnotactive: 'unauthorized',
  accountdeactivated: 'unauthorized',
  invalidapikey: 'unauthorized',
  invalidauthentication: 'unauthorized',
  incorrectapikeyprovided: 'unauthorized',
  invalidorganization: 'unauthorized',
  modelnotfound: 'model-not-found',
  unsupportedcountryregionterritory: 'forbidden',
  ratelimitexceeded: 'rate-limited',
  slowdown: 'rate-limited',
  vectorstoretimeout: 'server-error',
  // Responses that failed: openai-node, resources/responses, ResponseError
  invalidprompt: 'content-filter', // openai/codex#7250, enricoros/big-AGI#712
  biopolicy: 'content-filter',
  imagecontentpolicyviolation: 'content-filter',
  // Azure OpenAI, gethouston/houston#1438, chatboxai/chatbox#646
  deploymentnotfound: 'model-not-found',
  responsibleaipolicyviolation: 'content-filter',
  nocapacity: 'rate-limited',
  operationnotsupported: 'model-not-found', // langchain-ai/langchain#12019
  // GitHub Models, github/gh-models#65, dyad-sh/dyad#1950
  unavailablemodel: 'model-not-found',
  tokenslimitreached: 'context-length',
  // Anthropic and gateways in front of it, anthropics/claude-code#54839
  creditbalancetoolow: 'unauthorized',
  billingerror: 'unauthorized',
  authenticationerror: 'unauthorized',
  permissionerror: 'forbidden',
  requesttoolarge: 'context-length',
  ratelimiterror: 'rate-limited',
  overloadederror: 'server-error',
  timeouterror: 'server-error',
  // Groq, crewAIInc/crewAI#783, console.groq.com/docs/errors, console.groq.com/docs/spend-limits
  organizationrestricted: 'unauthorized',
  modeldecommissioned: 'model-not-found',
  modeltermsrequired: 'forbidden',
  blockedapiaccess: 'unauthorized',
  capacityexceeded: 'rate-limited',
  overcapacity: 'rate-limited',
  tooluseerror: 'invalid-answer',
  toolusefailed: 'invalid-answer',
  jsonvalidatefailed: 'invalid-answer',
  outputparsefailed: 'invalid-answer',
  // Moonshot, MoonshotAI/Kimi-K2#5, MoonshotAI/kimi-cli#2571
  exceededcurrentquotaerror: 'unauthorized',
  engineoverloadederror: 'server-error',
  ratelimitreachederror: 'rate-limited',
  invalidauthenticationerror: 'unauthorized',
  incorrectapikeyerror: 'unauthorized',
  permissiondeniederror: 'forbidden',
  // DashScope, alibaba/spring-ai-alibaba#1146, QwenLM/Qwen#938, alibabacloud.com/help/en/model-studio/error-code
  arrearage: 'unauthorized',
  invalidapikeyerror: 'unauthorized',
  accessdeniedunpurchased: 'unauthorized',
  allocationquotafreetieronly: 'unauthorized',
  modelservingerror: 'server-error',
  modelunavailable: 'server-error',
  requesttimeout: 'server-error',
  // Volcengine Ark, volcengine.com/docs/82379/1299023
  accountoverdueerror: 'unauthorized',
  modelnotopen: 'model-not-found',
  invalidendpointclosedendpoint: 'model-not-found',
  serveroverloaded: 'server-error',
  setlimitexceeded: 'rate-limited',
  quotaexceeded: 'rate-limited',
  accountratelimitexceeded: 'rate-limited',
  // one-api and new-api, songquanpeng/one-api#1270, openai/openai-cookbook#1224,
  // doc.tokendog.io/zh/api-reference/guide/error-codes
  insufficientuserquota: 'unauthorized',
  preconsumetokenquotafailed: 'unauthorized',
  channelnoavailablekey: 'server-error',
  getchannelfailed: 'server-error',
  sensitivewordsdetected: 'content-filter',
  promptblocked: 'content-filter',
  // Novita, novita.ai/docs/api-reference/basic-error-code
  failedtoauth: 'unauthorized',
  missingapikey: 'unauthorized',
  notenoughbalance: 'unauthorized',
  billingbalancenotenough: 'unauthorized',
  billingfailed: 'server-error',
  illegalprompt: 'content-filter',
  illegalimagecontent: 'content-filter',
  // LiteLLM, BerriAI/litellm#14144, OpenHands/OpenHands#5350
  budgetexceeded: 'unauthorized',
  contextwindowexceedederror: 'context-length',
  contentpolicyviolationerror: 'content-filter',
  serviceunavailableerror: 'server-error',
  throttlingerror: 'rate-limited',
  // Gemini's OpenAI endpoint, google-gemini/gemini-cli#23520, ai.google.dev/gemini-api/docs/troubleshooting
  apikeyinvalid: 'unauthorized',
  apikeyexpired: 'unauthorized',
  apikeyservicenotallowed: 'forbidden',
  servicedisabled: 'forbidden',
  billingdisabled: 'unauthorized',
  consumersuspended: 'unauthorized',
  unauthenticated: 'unauthorized',
  permissiondenied: 'forbidden',
  resourceexhausted: 'rate-limited',
  unavailable: 'server-error',
  deadlineexceeded: 'server-error',
  cancelled: 'server-error',
  // Bedrock, docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
  throttlingexception: 'rate-limited',
  servicequotaexceededexception: 'rate-limited',
  toomanyrequestsexception: 'rate-limited',
  accessdeniedexception: 'forbidden',
  unrecognizedclientexception: 'unauthorized',
  expiredtokenexception: 'unauthorized',
  resourcenotfoundexception: 'model-not-found',
  modelnotreadyexception: 'server-error',
  modeltimeoutexception: 'server-error',
  modelerrorexception: 'server-error',
  serviceunavailableexception: 'server-error',
  internalserverexception: 'server-error',
  modelstreamerrorexception: 'server-error',
  // SageMaker and hosts built on it answer 424 so:
  // docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
  modelerror: 'server-error',
  // Hugging Face TGI, huggingface/text-generation-inference, router/src/infer/mod.rs
  overloaded: 'server-error',
  incompletegeneration: 'server-error',
  // vLLM, vllm-project/vllm#10002
  enginedeaderror: 'server-error',
  // Portkey, with status 446: Portkey-AI/gateway#1740
  hooksfailed: 'content-filter',
  // Mistral, raycast/extensions#31107
  ratelimited: 'rate-limited',
  // llama.cpp, ggml-org/llama.cpp#15780
  exceedcontextsizeerror: 'context-length',
  unavailableerror: 'server-error',
};

/** xAI has one code for an account without access and for a prompt that it refuses: Wei-Shaw/sub2api#5359 */
export const REFUSED_PROMPT = /violates usage guidelines|failed check: safety/;

/**
 * LiteLLM has one code for every budget. These are budgets of one caller, tag or model, so that other calls with the
 * same key are welcome: BerriAI/litellm#1859, BerriAI/litellm#41218
 */
export const NARROW_BUDGET = /\b(?:end user|tag)=|\bexceeded budget for model=/;

/** Families of codes; the first match counts. */
export const CODE_PATTERNS: readonly (readonly [pattern: RegExp, outcome: ErrorOutcome])[] = [
  [/context(?:length|window|size|limit)/, 'context-length'], // OpenAI, LiteLLM, llama.cpp, Ark's InputTooLong kin
  [/(?:tokens?|prompt|input|characters)toolong|maxtokensexceeded/, 'context-length'], // Qianfan's tokens_too_long, characters_too_long
  [/ratelimit|throttl|toomanyrequests|requestlimit|(?:rpm|tpm|qps)limit/, 'rate-limited'], // DashScope's Throttling.*, Qianfan
  [/insufficient(?:balance|credits?|funds|quota)|arrear|overdue|(?:outof|no)credits/, 'unauthorized'], // DeepSeek, OpenRouter
  [/quota(?:hasbeen)?(?:exhausted|usedup)|exceeded(?:your)?currentquota|^spend/, 'unauthorized'], // Moonshot, Groq's spend_limit_exceeded
  [/account(?:is)?(?:suspended|disabled|deactivated|locked|blocked)/, 'unauthorized'], // Fireworks
  [/(?:invalid|incorrect|expired|missing|wrong|revoked)(?:api|access)?key/, 'unauthorized'], // DashScope's InvalidApiKey
  [/modelaccessdenied$/, 'forbidden'], // LiteLLM's key_model_access_denied, team_…, which it sends with 401: BerriAI/litellm#9913
  [
    /contentfilter|contentpolicy|moderation|sensitivecontent|riskdetection|datainspection|contentviolation/,
    'content-filter',
  ], // DashScope, Ark, OpenAI
  [
    /model(?:does)?not(?:found|exist|supported|available)|(?:invalid|unknown|unsupported)model(?:id|name)?$/,
    'model-not-found',
  ], // Mistral, HF router
  [/(?:model|endpoint).{0,24}(?:notfound|decommissioned|deprecated|retired|disabled)/, 'model-not-found'], // Ark's InvalidEndpointOrModel.NotFound
  [/overload|overcapacity|serverbusy|servicebusy/, 'server-error'], // Together, Moonshot
];

/** Codes that blame the request in general. They decide only without a status. */
export const CALLER_CODE =
  /^(?:invalid(?:request(?:error)?|parameter(?:error)?|argument|value|image|base64|input)|badrequest(?:error)?|unprocessableentity(?:error)?|validation(?:error|exception)?|valueerror|missingparameter|unsupported(?:parameter|value)|failedprecondition|outofrange|empty|image|failedtodownload)/;

/**
 * Codes that blame the server in general. They decide if the status blames the caller. Not `api_error`: Ollama has it in
 * every error, such as a model without tools (louisho5/picobot#6).
 */
export const SERVER_CODE = /^(?:(?:internal)?server(?:error)?|internal(?:server)?error|internal|internalfailure)$/;

/** A stored object that the request names does not exist: the caller's error at any deployment. */
export const STORED_CODE =
  /^(?:previous)?(?:response|file|conversation|vectorstore|thread|container|item|assistant|prompt|batch|upload)s?(?:does)?not(?:found|exist)$/;

/** A provider's own numeric codes, as `code`. */
export const NUMBERS: Readonly<Record<number, ErrorOutcome>> = {
  // Zhipu, Z.ai: docs.z.ai/api-reference/api-code
  1110: 'unauthorized',
  1111: 'unauthorized',
  1112: 'unauthorized',
  1113: 'unauthorized',
  1120: 'server-error',
  1121: 'unauthorized',
  1211: 'model-not-found',
  1220: 'forbidden',
  1221: 'model-not-found',
  1222: 'model-not-found',
  1234: 'server-error',
  1261: 'context-length',
  1301: 'content-filter',
  1302: 'rate-limited',
  1303: 'rate-limited',
  1304: 'rate-limited',
  1305: 'rate-limited',
  1308: 'rate-limited',
  1309: 'unauthorized',
  1310: 'rate-limited',
  1311: 'forbidden',
  1312: 'rate-limited',
  1313: 'rate-limited',
  // SiliconFlow: continuedev/continue#10839, docs.siliconflow.cn
  20012: 'model-not-found',
  30001: 'unauthorized',
  30003: 'model-not-found',
  50501: 'server-error',
  50505: 'server-error',
  // Cloudflare Workers AI: developers.cloudflare.com/workers-ai/platform/errors
  3007: 'server-error',
  3008: 'server-error',
  3023: 'unauthorized',
  3036: 'rate-limited',
  3040: 'rate-limited',
  3041: 'forbidden',
  3042: 'model-not-found',
  5007: 'model-not-found',
  5016: 'forbidden',
  5018: 'forbidden',
  7009: 'server-error', // cloudflare/cloudflare-docs#15116
  // Baidu Qianfan: cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh
  336501: 'rate-limited',
  336502: 'rate-limited',
  336000: 'server-error',
  // Mistral: continuedev/continue#6185
  3505: 'rate-limited',
};

/**
 * Numeric codes of Cloudflare's AI Gateway with status 400 (cloudflare/ai#436) and 424
 * (developers.cloudflare.com/ai-gateway/features/guardrails/set-up-guardrail).
 */
export const GATEWAY_NUMBERS: Readonly<Record<number, ErrorOutcome>> = {
  2001: 'model-not-found',
  2005: 'server-error',
  2016: 'content-filter',
  2017: 'content-filter',
};

/** MiniMax's numeric codes, as `base_resp.status_code`: platform.minimax.io/docs/api-reference/errorcode */
export const BASE_RESP: Readonly<Record<number, ErrorOutcome>> = {
  1000: 'server-error',
  1001: 'server-error',
  1002: 'rate-limited',
  1004: 'unauthorized',
  1008: 'unauthorized',
  1024: 'server-error',
  1026: 'content-filter',
  1027: 'content-filter',
  1033: 'server-error',
  1039: 'rate-limited',
  1041: 'rate-limited',
  1042: 'caller-error',
  2013: 'caller-error',
  2045: 'rate-limited',
  2049: 'unauthorized',
  2056: 'rate-limited',
};

export interface Wording {
  readonly outcome: ErrorOutcome;
  /** Matched in lower case, without quoted parts, with single blanks. Linear: no nested or open-ended repeats. */
  readonly pattern: RegExp;
  /** Not matched if the status already blames the server. */
  readonly weak?: true;
  /** Matched only if the status blames the server; with any other, the caller's mistake is read as one. */
  readonly onlyFaults?: true;
}

/** Wordings; the first match counts. */
export const WORDINGS: readonly Wording[] = [
  {
    // Groq, Gemini, OpenRouter, DashScope (can1357/oh-my-pi#8476), Moonshot, Zhipu
    outcome: 'rate-limited',
    pattern:
      /rate.?limit|too many (?:concurrent )?requests|\b(?:requests?|tokens?|queries|calls|images) (?:per|a|each) (?:minute|second|hour|day)\b|(?:per|this|each)[ -](?:minute|second)\b|\b(?:[rtqi]p[msd]|max organization concurrency)\b|throttl(?:ed|ing)|slow down|concurren\w{0,8} (?:limit|quota)|(?:daily|hourly) (?:free )?(?:limit|quota|allocation|allotment)|频率|限流|并发数|速率限制|请求过于频繁/,
  },
  {
    // DeepSeek (Aider-AI/aider#4851), Anthropic (anthropics/claude-code#38038), xAI (continuedev/continue#10373),
    // Fireworks (pollinations/pollinations#12136), DashScope (QwenLM/qwen-code#54), OpenRouter, Hugging Face, LiteLLM
    // (BerriAI/litellm#14144), one-api, Zhipu
    outcome: 'unauthorized',
    pattern:
      /insufficient (?:account )?(?:balance|credits?|funds|quota)|balance (?:is )?(?:insufficient|not enough|too low|exhausted)|(?:out of|no|not enough|all available|purchased) credits\b|exceeded (?:your |the )?(?:current|monthly|included|free)(?: \w{1,20}){0,3} (?:quota|credits?|usage)|(?:account|organization|project|team|key)(?: [^ ]{1,80}){0,4} (?:suspended|deactivated|disabled|overdue|not active|blocked|restricted|locked|in arrears)\b|good standing|spend(?:ing)? limit|reached your (?:[^ ]{1,24} ){0,3}usage limits?\b|past invoices|please recharge|budget has been exceeded|exceeded budget|quota (?:is )?not enough|quota (?:has been )?(?:used up|exhausted)|欠费|余额不足|额度不足|配额不足|账户已/,
  },
  {
    // xAI (continuedev/continue#10778), Gemini, Zhipu, one-api, vLLM
    outcome: 'unauthorized',
    pattern:
      /(?:invalid|incorrect|wrong|missing|expired|revoked|no|unknown) (?:[^ ]{1,24} )?api[ _-]?key|api[ _-]?key(?: [^ ]{1,40}){0,3} (?:invalid|not valid|incorrect|expired|disabled|revoked|missing|not found|required|not exist)|(?:invalid|expired|missing) (?:authentication|credentials?|authorization|access token|bearer)|authentication (?:failed|fails|error|required)|\bunauthori[sz]ed\b|not authenticated|无效的(?:令牌|密钥)|令牌(?:无效|已过期|不正确)|身份验证失败|鉴权失败/,
  },
  {
    // OpenAI, vLLM (vllm-project/vllm#20409, #40324), SGLang (sgl-project/sglang#4048), llama.cpp
    // (ggml-org/llama.cpp#19774), LM Studio (lmstudio-bug-tracker#237, anomalyco/opencode#11141), Gemini
    // (gemini-cli#4231), Anthropic, Mistral, xAI, Bedrock, Moonshot
    outcome: 'context-length',
    pattern:
      /(?:maximum|max|exceed\w{0,5}|(?:longer|larger|greater) than|beyond|larger|over)(?: [^ ]{1,24}){0,6} (?:context|prompt|input|sequence|model)[ _-]?(?:length|window|size)|(?:exceed\w{0,5}|over)(?: [^ ]{1,24}){0,4} context (?:window|limit|length|size)|context[ _-]?(?:length|window|size|limit)(?: [^ ]{1,24}){0,6} (?:exceed\w{0,5}|not enough|too small|overflow\w{0,3})|context (?:the )?overflows|n_keep \(\d{1,12}\) >= n_ctx|greater than max_model_len|contextwindowexceeded/,
  },
  {
    // Anthropic, Bedrock, Cohere, DashScope (alibabacloud.com error-code), Zhipu, Moonshot (kimi-cli#2011), SiliconFlow
    // (chatboxai/chatbox#2060, continue#10993), Hugging Face TGI (huggingface/chat-ui#327,
    // text-generation-inference#695), Cerebras (BerriAI/litellm#17587), TensorRT-LLM (NVIDIA/TensorRT-LLM#9277),
    // Bedrock's Titan (ryanadoty/Amazon-Bedrock-Amazon-RDS-POC#9), vLLM where the prompt leaves no room
    // (vllm-project/vllm#4667; -1 is the caller's own), Ark, DS4 (earendil-works/pi#6262), Z.AI
    // (anomalyco/opencode#27629), Moonshot (MoonshotAI-Cookbook#18), llama.cpp's embeddings (ggml-org/llama.cpp#11105),
    // Azure (RooCodeInc/Roo-Code#3344)
    outcome: 'context-length',
    pattern:
      /(?:prompt|input|request|message|conversation|messages|text) (?:is |are |was )?too long|prompt exceeds max length|too many (?:input |prompt )?tokens|(?:input|prompt)(?: [^ ]{1,24}){0,5} exceeds?(?: [^ ]{1,24}){0,6} (?:tokens|length|limit)|exceed\w{0,3} model token limit|(?:less than|<=?)(?: or equal to)? max_seq_len|range of input length should be|tokens? \+ (?:[^ ]{1,24} )?must be <=|reduce the length of (?:the|your|either)|shorter input|current length is \d{1,12} while limit is|must have less than \d{1,12} tokens|exceed max_num_tokens|expected maxlength: \d{1,12}, actual|max_tokens must be at least 1, got -(?!1\b)\d|exceed max message tokens|max size: \d{1,12} tokens|configured context size is \d|tokens in request more than max tokens|model max length exceeded|increase the physical batch size|超长|超过(?:模型)?(?:的)?最大(?:上下文|长度)/,
  },
  {
    // OpenAI and Azure, DashScope (QwenLM/Qwen#938), DeepSeek's "Content Exists Risk", Moonshot, OpenRouter, Bedrock
    outcome: 'content-filter',
    weak: true,
    pattern:
      /content ?(?:management )?polic|content[ _-]?filter|flagged (?:by|as|for)\b|inappropriate content|content exists risk|sensitive (?:content|words?|information)|violat\w{0,5}(?: [^ ]{1,24}){0,4} (?:usage|content|safety|community) (?:polic|guideline)|safety (?:system|filter|reasons?|polic)|responsible ai|considered high risk|blocked by(?: [^ ]{1,24}){0,4} (?:guardrail|safety|filter|polic)|prohibited content|敏感|不安全内容|违规内容/,
  },
  {
    // DeepSeek (raycast/extensions#29730), SiliconFlow (continuedev/continue#10839), OpenRouter, Hugging Face router
    // (huggingface/huggingface.js#2225), Groq, Mistral, one-api, LM Studio, Moonshot, Together
    // (truefoundry/models#919), Bedrock (earendil-works/pi#4993, aws-samples/bedrock-chat#508); a model without the
    // endpoint at Bedrock (enricoros/big-AGI#1167), vLLM (QwenLM/Qwen3-VL#988) and llama.cpp
    outcome: 'model-not-found',
    pattern:
      /\bmodel(?: [^ ]{1,120}){0,3} (?:(?:does|do) not exist|not exist|doesn't exist|(?:is |was |could |can )?(?:not |not be |cannot be )found)|(?:unknown|no such|nonexistent|unrecognized|unsupported|non-serverless) model\b|not found the model\b|model identifier is invalid|on-demand throughput|supported api model names are|not a valid model|invalid model(?: name| id|:|\.|$)|no endpoints found|no allowed providers|not supported by (?:any )?provider|\b(?:model|deployment|endpoint)(?: [^ ]{1,120}){0,4} (?:decommissioned|deprecated|retired|discontinued|withdrawn|shut down|end[ -]of[ -]life)|\bmodel(?: [^ ]{1,120}){0,3} no longer (?:available|supported|offered)|\b(?:model(?: [^ ]{1,120})? does not support (?:the )?(?:[^ ]{1,60} ){0,2}api|server does not support embeddings)\b(?! (?:parameter|option|field|feature|version)s?\b)|模型不存在|模型已下线/,
  },
  {
    // OpenAI, LM Studio, new-api, LiteLLM (emcie-co/parlant#507)
    outcome: 'model-not-found',
    weak: true,
    pattern:
      /\bmodel (?:[^ ]{1,120} )?(?:is )?(?:disabled|not available|not supported)(?! (?:with|when|for|in|on|by|and)\b)|(?:not|n['’]t) have access to (?:the |this )?model|no models? (?:is |are )?loaded|no healthy deployments?\b|无可用渠道/,
  },
  {
    // Groq, Together
    outcome: 'invalid-answer',
    weak: true,
    pattern:
      /failed to (?:call a function|(?:generate|produce|parse)(?: [^ ]{1,24}){0,4} (?:json|response|output|tool calls?|completion))|model (?:produced|generated|returned|output)(?:ted)? (?:an? )?(?:invalid|empty|malformed|no )/,
  },
  {
    // Gemini, OpenAI (microsoft/vscode#260670)
    outcome: 'forbidden',
    weak: true,
    pattern:
      /(?:location|country|region|territory)(?: [^ ]{1,40}){0,4} not (?:supported|available|allowed)|permission denied|access denied|organization must be verified/,
  },
  {
    // llama.cpp and Ollama refuse one request with status 500, while they serve all others: images
    // (ggml-org/llama.cpp#13566, #15377, #12947, ollama/ollama#11320), the order of roles (sipeed/picoclaw#207,
    // idiap/sdialog#122), tools (ggml-org/llama.cpp#10920, defilantech/LLMKube#126), a schema
    // (ggml-org/llama.cpp#17572)
    outcome: 'forbidden',
    onlyFaults: true,
    pattern:
      /(?:image|audio|video) input is not supported|unsupported content part type|image: unknown format|conversation roles must alternate|jinja exception|(?:param requires --jinja|unsupported param: tools)\b|json schema conversion failed/,
  },
  {
    // OpenRouter (open-webui/computer#293), Moonshot (MoonshotAI-Cookbook#16), Gemini, Ollama (ollama/ollama#13307),
    // vLLM, which reports its own failures inside a stream as 400 (vllm-project/vllm#24495, #48707), LM Studio
    // (RooCodeInc/Roo-Code#7388), NVIDIA (decolua/9router#2527), Cerebras (elizaOS/eliza#10122), OpenRouter where it
    // has lost the model (elizaOS/eliza#20331)
    outcome: 'server-error',
    weak: true,
    pattern:
      /provider returned error|no models provided|encountered a server error|overload|(?:engine|server|model|service|system)(?: [^ ]{1,80}){0,4} (?:busy|at capacity|unavailable)|(?:try|retry)(?: your request)? (?:again )?later|temporarily unavailable|internal (?:server )?error|upstream (?:error|connect|request|service|timed|failure|unavailable)|(?:runner|worker|engine|backend|container)(?: [^ ]{1,40}){0,4} (?:died|crashed|terminated|dead|failed)|out of memory|enginecore encountered|background loop (?:has|is)\b|(?:cuda|nccl|hip) error\b|failed to load model|model(?: has| is| was)?(?: been)? (?:crashed|unloaded)\b|degraded function|loading model|model is (?:currently |still )?loading|connection (?:refused|reset)|繁忙|稍后(?:再试|重试)|过载/,
  },
];

/**
 * Wordings about stored objects, matched at status 404 and 400: openai.com's "No such File object", "Item with id … not
 * found".
 */
export const STORED_WORDING =
  /no such (?:file|vector|thread|assistant|container|response|conversation|batch|upload|item|prompt)|\b(?:previous response|response|conversation|vector store|thread|container|item|file|prompt)(?: with id)?(?: [^ ]{1,120})? (?:not found|was not found|does not exist)/;

/** Names a period so short that waiting helps, so it is not an empty account, whatever its code. */
export const SHORT_LIMIT = /(?:per|a|each|this)[ -](?:minute|second)\b|\b[rtqi]p[ms]\b|perminute|persecond/;

/**
 * Finish reasons of a failed answer: DeepSeek, Zhipu, OpenRouter (maximhq/bifrost#5425), SGLang, Gemini's
 * "function_call_filter: MALFORMED_FUNCTION_CALL" (pydantic/pydantic-ai#631, NousResearch/hermes-agent#83882). Any
 * other is accepted.
 */
export const FAILED_FINISH =
  /^(?:(?:function_call_filter: ?)?(?:malformed_function_call|unexpected_tool_call|too_many_tool_calls)|(?:[a-z]{1,20}_)?error|insufficient_system_resource|abort(?:ed)?|cancel(?:l?ed)?|time(?:d_)?out|overloaded|fail(?:ed|ure))$/;

/**
 * Finish reasons of an answer that was cut or filtered: Mistral's `model_length` (laravel/ai#955), Anthropic's
 * `max_tokens`, `model_context_window_exceeded` and `refusal`, Zhipu's `sensitive`, Gemini's `content_filter: SAFETY`,
 * `RECITATION`, `BLOCKLIST`, `SPII`.
 */
export const CUT_FINISH =
  /length|max_?tokens|context_window|filter|sensitive|safety|refusal|recitation|blocklist|prohibited|spii/i;
