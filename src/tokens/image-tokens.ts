import type { ImageSize } from './image-size.js';

export interface Image {
  /** `undefined` for an image that is only referenced, by a URL or an id. */
  readonly size: ImageSize | undefined;
  readonly low: boolean;
}

/** The largest size for a tile-based provider: 2048 by 768, in eight tiles. */
const LARGEST = { width: 2048, height: 768 };

/** Models that use patches of 32 pixels, at most 1536, and the tokens of a patch. */
const PATCHES: readonly (readonly [RegExp, number])[] = [
  [/gpt-4\.1-mini|gpt-5(?:\.\d)?-mini/i, 1.62],
  [/gpt-4\.1-nano|gpt-5(?:\.\d)?-nano/i, 2.46],
  [/o4-mini/i, 1.72],
];

/**
 * Uses the formulas that providers publish: tiles for most, patches for some. An image of unknown size counts as a
 * large one.
 */
export function imageTokens({ size = LARGEST, low }: Image, model = ''): number {
  const factor = PATCHES.find(([name]) => name.test(model))?.[1];
  if (factor !== undefined) return Math.ceil(Math.min(1536, patches(size, 32)) * factor);
  if (/qwen|qvq/i.test(model)) return Math.min(16_384, patches(size, 28)) + 2;
  if (/gpt-4o-mini/i.test(model)) return low ? 2833 : 2833 + 5667 * tiles(size);
  return low ? 85 : 85 + 170 * tiles(size);
}

function patches({ width, height }: ImageSize, side: number): number {
  return Math.ceil(width / side) * Math.ceil(height / side);
}

/** Tiles of 512 pixels, after scaling to fit 2048 by 2048, with a shorter side of at most 768. */
function tiles({ width, height }: ImageSize): number {
  const scale = Math.min(1, 2048 / Math.max(width, height));
  const fit = scale * Math.min(1, 768 / (Math.min(width, height) * scale));
  return Math.max(1, Math.ceil((width * fit) / 512 - 1e-9)) * Math.max(1, Math.ceil((height * fit) / 512 - 1e-9));
}
