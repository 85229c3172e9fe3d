import type { ModelInfo, ModelPrice } from '@pydantic/genai-prices';
import type { Price } from '../telemetry/record-types.js';

/** The table's name for each part of a price. */
const NAMES = {
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  audioInput: 'input_audio_mtok',
  imageInput: 'input_image_mtok',
  audioOutput: 'output_audio_mtok',
  imageOutput: 'output_image_mtok',
} as const satisfies { [P in keyof Price]?: string };

/** The table's price of a model on a day; `undefined` if the cost does not depend on tokens alone. */
export function tablePrice({ prices }: ModelInfo, at: Date): Price | undefined {
  const inForce = Array.isArray(prices) ? pricesAt(prices, at) : [prices];
  return inForce.flatMap((each) => read(each) ?? []).sort((a, b) => b.input + b.output - (a.input + a.output))[0];
}

/** The latest valid price. If prices depend on the hour, the most expensive one, not the current one. */
function pricesAt(prices: Exclude<ModelInfo['prices'], ModelPrice>, at: Date): ModelPrice[] {
  let latest: ModelPrice | undefined;
  const hourly: ModelPrice[] = [];
  for (const { constraint, prices: price } of prices) {
    if (constraint?.type === 'time_of_date') hourly.push(price);
    else if (constraint === undefined || new Date(constraint.start_date) <= at) latest = price;
  }
  return latest === undefined ? hourly : [latest, ...hourly];
}

function read(table: ModelPrice): Price | undefined {
  const part = (name: string) => {
    const value = table[name];
    return typeof value === 'object' ? value.base : value;
  };
  const input = part('input_mtok');
  const output = part('output_mtok') ?? 0;
  const isByRequest = table.requests_kcount !== undefined;
  const reasoning = part('output_reasoning_mtok') ?? output;
  if (input === undefined || isByRequest || reasoning !== output) return undefined;
  const price: Price = { input, output };
  for (const key of ['cachedInput', 'cacheWrite', 'audioInput', 'imageInput', 'audioOutput', 'imageOutput'] as const) {
    const value = part(NAMES[key]);
    if (value !== undefined) price[key] = value;
  }
  return price;
}
