import { readdirSync, readFileSync } from 'node:fs';

/** A provider's `usage` as it was seen on the wire, and the tokens that its bill has: each in one place only. */
export interface UsageFixture {
  usage: Record<string, unknown>;
  tokens: {
    /** Of the input, what has no price of its own. */
    text: number;
    cached?: number;
    written?: number;
    /** Written to the cache for an hour. */
    writtenAnHour?: number;
    audio?: number;
    image?: number;
    /** Of the output, what has no price of its own; reasoning is in it. */
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
