import { globSync, readFileSync } from 'node:fs';

/** One option, as its docblock describes it. */
export interface DocumentedOption {
  readonly name: string;
  readonly text: string;
  readonly default: string;
}

const FILES = [...globSync('src/options/*.ts').sort(), 'src/telemetry/record-types.ts'];

/** The options of one of the public interfaces, read from the source. Throws for one without a docblock. */
export function optionsOfInterface(type: string): DocumentedOption[] {
  for (const file of FILES) {
    const source = readFileSync(file, 'utf8');
    const found = new RegExp(`interface ${type}(?: extends [^{]+)? \\{\\n([\\s\\S]*?)\\n\\}\\n`).exec(source);
    if (found?.[1] !== undefined) return parse(type, found[1]);
  }
  throw new Error(`There is no interface ${type}.`);
}

function parse(type: string, body: string): DocumentedOption[] {
  const documented = [...body.matchAll(/ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}(?:readonly )?(\w+)\??:/g)];
  const names = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map((match) => match[1]);
  const missing = names.filter((name) => !documented.some((match) => match[2] === name));
  if (missing.length > 0) throw new Error(`${type} has options without a docblock: ${missing.join(', ')}`);
  return documented.map(([, block = '', name = '']) => {
    const text = block
      .split('\n')
      .map((line) => line.replace(/^\s*\*? ?/, '').trim())
      .join(' ')
      .replace(/\s*@example[\s\S]*?(?=@default|$)/g, ' ')
      .trim();
    const [meaning = '', value = ''] = text.split(/\s*@default\s*/);
    return { name, text: meaning.trim(), default: value.trim() };
  });
}

const INTRO = `Names that end in \`Ms\` are milliseconds, in \`Usd\` US dollars, in \`Tokens\` tokens. Every option is checked when it is set: a wrong one is an \`InvalidOptionError\` that names the option, its value, and what was probably meant.
\`undefined\` is ignored, so you can pass options conditionally; only \`tenant\` and \`regions\`, and \`apiKey\` and \`baseURL\` in \`clients\`, throw: a missing one would let calls share what must stay apart, or send a key to another server.

\`\`\`ts
import { callOptions, ModelRouter } from 'model-router';

const router = new ModelRouter({
  clients: { default: { apiKey: 'sk-…', baseURL: 'https://api.example/v1' } },
  deployments: { small: {}, large: {} },
  routes: { standard: { deployments: ['small', 'large'], deadlineMs: 10_000 } },
  maxAttempts: 2,
});
const messages = [{ role: 'user' as const, content: 'Hi' }];
const patient = router.withOptions({ deadlineMs: 60_000 });
await patient.chat.completions.create(
  { model: 'standard', messages },
  { ...callOptions({ tenant: 'acme', cache: true }), timeout: 5000 },
);
\`\`\`

The SDK’s own options keep their meaning: \`timeout\` is \`attemptTimeoutMs\`, \`maxRetries\` is \`maxAttempts - 1\`; \`signal\`, \`headers\`, \`query\` and \`idempotencyKey\` pass through. By header: \`X-Request-Priority\`, \`X-Router-Deadline-Ms\`, \`X-Router-Cache: no-store | no-cache\`, and, if \`headerOptions\` lists them, \`X-Router-Route\` and \`X-Router-Tenant\`.

| | |
| --- | --- |
| [Options of the router](options-router.md) | the constructor, clients, prefixes, breaker, retry, budgets, tenants |
| [Options of deployments, routes and prices](options-deployments.md) | deployments, routes, escalation, shadow calls, service levels, prices |

These pages are made from the docblocks in \`src/options\`: \`UPDATE_DOCS=1 npx vitest run test/unit/options\` writes them.`;

interface Page {
  readonly title: string;
  readonly intro: string;
  readonly sections: readonly (readonly [title: string, type: string, intro: string])[];
}

/** The pages of the options, by the name of their file in `docs`. */
export const OPTION_PAGES: Readonly<Record<string, Page>> = {
  'options.md': {
    title: 'All options',
    intro: INTRO,
    sections: [
      [
        'Options of one call',
        'CallOptions',
        'Set them on the constructor, on a route, with `router.withOptions()` or in one call with `callOptions()`. The nearest to the call wins.',
      ],
      ['Only in a call', 'SingleCallOptions', 'Give it with `callOptions()`.'],
      ['`cache` as an object', 'CacheOptions', ''],
    ],
  },
  'options-router.md': {
    title: 'Options of the router',
    intro:
      'What the constructor takes, and what only a router has. Units, headers and precedence: [all options](options.md).',
    sections: [
      [
        'The constructor, with `clients`',
        'RouterOptions',
        'Beside these, the constructor takes all options of one call, and those of the next table.',
      ],
      [
        'The constructor, in both forms',
        'RouterSettings',
        'A router over one client takes that client’s own options beside these: `new ModelRouter({ apiKey, baseURL, cache: true })`.',
      ],
      [
        '`clients.NAME`',
        'ClientLimits',
        'An `OpenAI` client, its options with these beside them, or `{ client, maxConcurrent }`.',
      ],
      ['`prefixes.PREFIX`', 'PrefixOptions', 'The name of a client, or an object.'],
      ['`breaker`', 'BreakerOptions', ''],
      ['`retry`', 'RetryOptions', ''],
      [
        'Each entry of `budgets`',
        'BudgetBase',
        "With `window` (`'hour'`, `'day'` or `'month'`, of the UTC calendar) or `windowMs` (over the last so many milliseconds).",
      ],
      ['`tenants`', 'TenantOptions', ''],
    ],
  },
  'options-deployments.md': {
    title: 'Options of deployments, routes and prices',
    intro:
      'What each entry of `deployments`, `routes` and `prices` takes. Units, headers and precedence: [all options](options.md).',
    sections: [
      ['`deployments.NAME`', 'DeploymentOptions', ''],
      ['`routes.NAME`', 'RouteOptions', 'An array of deployments, or an object with these and any option of one call.'],
      ['`routes.NAME.escalate`', 'EscalateOptions', 'With `minConfidence`, `when`, or both.'],
      ['`routes.NAME.shadow`', 'ShadowOptions', ''],
      [
        '`sla`',
        'SlaOptions',
        'Of a deployment or a route. `downtime` is `{ minAttempts: 5, failedShare: 0.5 }` by default.',
      ],
      ['`price`, and each entry of `prices`', 'TokenPrice', 'US dollars per million tokens, unless it says otherwise.'],
      ['More of a `price`', 'TierPrice', ''],
      ['Tiers of a `price`', 'Price', ''],
    ],
  },
};

/** A page of options, made from the docblocks. */
export function optionsPage({ title: heading, intro: start, sections }: Page): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const tables = sections.map(([title, type, intro]) => {
    const rows = optionsOfInterface(type).map((each) => {
      const value =
        each.default === ''
          ? ''
          : /^[\w.'"[\]{}:, _-]+$/.test(each.default) && !/[a-z] [a-z]/.test(each.default)
            ? `\`${each.default}\``
            : each.default;
      return `| \`${each.name}\` | ${cell(value)} | ${cell(each.text)} |`;
    });
    return [
      `## ${title}`,
      ...(intro === '' ? [] : ['', intro]),
      '',
      '| option | default | |',
      '| --- | --- | --- |',
      ...rows,
    ].join('\n');
  });
  return `${[`# ${heading}`, start, ...tables].join('\n\n')}\n`;
}
