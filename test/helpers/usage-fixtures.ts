import { readdirSync, readFileSync } from 'node:fs';

/** A provider's `usage` from the wire, and the billed tokens, each in one place only. */
export interface UsageFixture {
  usage: Record<string, unknown>;
  tokens: {
    /** Input without a price of its own. */
    text: number;
    cached?: number;
    written?: number;
    /** Written to the cache for an hour. */
    writtenAnHour?: number;
    audio?: number;
    image?: number;
    /** Output without a price of its own, including reasoning. */
    output: number;
    audioOut?: number;
    imageOut?: number;
    reasoning?: number;
  };
}

const folder = new URL('../fixtures/usage/', import.meta.url);

export function usageFixtures(): [name: string, UsageFixture][] {
  return readdirSync(folder)
    .sort()
    .map((file) => [file.replace('.json', ''), JSON.parse(readFileSync(new URL(file, folder), 'utf8'))]);
}
