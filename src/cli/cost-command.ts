import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { InvalidOptionError } from '../errors.js';
import { BUILT_IN_PRICES } from '../prices/built-in.js';
import { formatProjection } from '../prices/projection/format-projection.js';
import type { ProjectionOptions } from '../prices/projection/options.js';
import { type Projection, projectCost } from '../prices/projection/project-cost.js';
import type { Price } from '../telemetry/record-types.js';
import { type CommandResult, isOfParseArgs, WrongArgument } from './command.js';

const HELP = `model-router cost [FILE]: what a month of tokens will cost, by stage of growth

FILE holds the options of projectCost as JSON, for several models and routes; then only --json may follow:
{ "tokensPerMonth": 5e6, "models": { "cheap": 0.25, "good": 10 }, "routes": { "chat": { "model": "cheap", "share": 1 } } }

  --price PRICE            of the model that answers        (default 0.25)
  --against PRICE          of the model to compare with     (default 10; "none" for no comparison)
  --tokens N,N,...         tokens a month of each stage     (default 5M,50M,500M,5B)
  --output-share SHARE     share of tokens that is output   (default 0.25)
  --cache-hit-rate SHARE   share that a cache saves         (default 0)
  --json                   as JSON
  --help

A PRICE is US dollars per million tokens: 0.25 for input and output alike, 0.15/0.6 for each, or the name of a model
whose price is built in, such as gpt-4o. An N may end in K, M, B or T; a SHARE is from 0 to 1, or a percentage: 30%.`;

const OPTIONS = {
  price: { type: 'string' },
  against: { type: 'string' },
  tokens: { type: 'string' },
  'output-share': { type: 'string' },
  'cache-hit-rate': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const DEFAULTS = {
  price: '0.25',
  against: '10',
  tokens: '5M,50M,500M,5B',
  'output-share': '0.25',
  'cache-hit-rate': '0',
};

const TIMES: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** `model-router cost`: prints a projection. */
export function costCommand(args: readonly string[]): CommandResult {
  try {
    const { values, positionals } = parseArgs({ args: withSigns(args), options: OPTIONS, allowPositionals: true });
    const { help, json, ...given } = values;
    if (help) return { code: 0, output: HELP };
    const projection =
      positionals.length === 0 ? project({ ...DEFAULTS, ...given }) : projectFile(positionals, Object.keys(given));
    return { code: 0, output: json ? JSON.stringify(projection, null, 2) : formatProjection(projection) };
  } catch (error) {
    const isExpected = error instanceof WrongArgument || error instanceof InvalidOptionError || isOfParseArgs(error);
    if (!isExpected) throw error;
    return { code: 2, output: `model-router cost: ${error.message}\nSee model-router cost --help.` };
  }
}

/** Throws InvalidOptionError for what the file says. */
function projectFile([file = '', ...rest]: readonly string[], given: readonly string[]): Projection {
  const [extra] = [...rest, ...given.map((name) => `--${name}`)];
  if (extra !== undefined) throw new WrongArgument('FILE', extra, 'nothing but --json beside a file');
  if (!existsSync(file)) throw new WrongArgument('FILE', file, 'the path of a file that exists');
  return projectCost(optionsIn(file));
}

function optionsIn(file: string): ProjectionOptions {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new WrongArgument('FILE', file, 'the path of a JSON file');
  }
}

/**
 * A negative number after an option is its value, so that the option can refuse it. `parseArgs` would read it as an
 * option.
 */
function withSigns(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const option = joined.at(-1) ?? '';
    if (/^-[\d.]/.test(arg) && /^--[\w-]+$/.test(option)) joined[joined.length - 1] = `${option}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function project(values: typeof DEFAULTS): Projection {
  const tokens = values.tokens.split(',').map((each) => tokensOf(each));
  const largest = Math.max(...tokens);
  const against = values.against === 'none' ? undefined : priceOf('against', values.against);
  return projectCost({
    tokensPerMonth: largest,
    stages: tokens.map((count) => (largest === 0 ? 0 : count / largest)),
    models: {
      router: priceOf('price', values.price),
      ...(against !== undefined && { [titleOf(values.against)]: against }),
    },
    outputShare: shareOf('output-share', values['output-share']),
    cacheHitRate: shareOf('cache-hit-rate', values['cache-hit-rate']),
  });
}

/** `at $10`: the title of a column. */
function titleOf(against: string): string {
  return /^[\d.]/.test(against) ? `at $${against}` : `at ${against}`;
}

function tokensOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)([KMBT]?)$/i.exec(text.trim()) ?? [];
  const times = TIMES[unit.toUpperCase()];
  if (digits === '' || times === undefined)
    throw new WrongArgument('--tokens', text, 'numbers such as 5M, with commas between them');
  return Math.round(Number(digits) * times);
}

function priceOf(option: string, text: string): Price {
  const known = BUILT_IN_PRICES.get(text);
  if (known !== undefined) return known;
  const [, input, output = input] = /^\$?(\d+(?:\.\d+)?|\.\d+)(?:\/(\d+(?:\.\d+)?|\.\d+))?$/.exec(text) ?? [];
  if (input === undefined)
    throw new WrongArgument(
      `--${option}`,
      text,
      'US dollars per million tokens, INPUT/OUTPUT, or the name of a known model',
    );
  return { input: Number(input), output: Number(output) };
}

function shareOf(option: string, text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?|\.\d+)(%?)$/.exec(text) ?? [];
  const share = Number(digits) / (percent === '%' ? 100 : 1);
  if (digits === undefined || share > 1)
    throw new WrongArgument(`--${option}`, text, 'a share from 0 to 1, or a percentage');
  return share;
}
