import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectCost } from 'model-router';
import { describe, expect, it } from 'vitest';
import { costCommand } from '../../../src/cli/cost-command.js';

const lines = (...args: string[]) => {
  const { code, output } = costCommand(args);
  expect(code).toBe(0);
  return output.split('\n').map((line) => line.trim().split(/ {2,}/));
};

describe('model-router cost', () => {
  it('prints the four stages of growth', () => {
    expect(lines()).toEqual([
      ['tokens a month', 'cost a month', 'at $10', 'saved'],
      ['5M', '$1.25', '$50.00', '97.5 %'],
      ['50M', '$12.50', '$500.00', '97.5 %'],
      ['500M', '$125.00', '$5,000.00', '97.5 %'],
      ['5B', '$1,250.00', '$50,000.00', '97.5 %'],
    ]);
  });

  it.each<[string, string[], string[]]>([
    ['numbers of tokens', ['--tokens', '1.5K'], ['1.5K', '$0.000375', '$0.02', '97.5 %']],
    ['a price for each side', ['--tokens', '1M', '--price', '1/9', '--against=none'], ['1M', '$3.00']],
    ['a price without a 0', ['--tokens', '1M', '--price', '.5', '--against=none'], ['1M', '$0.50']],
    ['the price of a model', ['--tokens', '1M', '--price', 'gpt-4o', '--against=none'], ['1M', '$4.38']],
    ['a model to compare with', ['--tokens', '1M', '--against', 'gpt-4o'], ['1M', '$0.25', '$4.38', '94.3 %']],
    ['a split', ['--tokens', '1M', '--price', '1/9', '--output-share', '1', '--against=none'], ['1M', '$9.00']],
    ['a hit rate', ['--tokens', '100M', '--cache-hit-rate', '0.4', '--against=none'], ['100M', '$15.00']],
    ['a percentage', ['--tokens', '100M', '--cache-hit-rate', '40%', '--against=none'], ['100M', '$15.00']],
    ['none at all', ['--tokens', '0', '--against=none'], ['0', '$0.00']],
  ])('accepts %s', (_, args, line) => {
    expect(lines(...args)[1]).toEqual(line);
  });

  it('prints the stages in the given order', () => {
    expect(lines('--tokens', '3M, 1k,7B').map(([tokens]) => tokens)).toEqual(['tokens a month', '3M', '1K', '7B']);
  });

  it('prints JSON', () => {
    const { output } = costCommand(['--json', '--tokens', '3M,7M,1B']);
    expect(JSON.parse(output)).toMatchObject({
      against: 'at $10',
      stages: [{ tokensPerMonth: 3e6, usdPerMonth: 0.75 }, { tokensPerMonth: 7e6 }, { tokensPerMonth: 1e9 }],
    });
  });

  it('projects what a file says', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'cost-')), 'plan.json');
    const plan = {
      tokensPerMonth: 1e6,
      stages: [1, 10],
      models: { cheap: 0.25, good: { input: 2, output: 10 } },
      routes: { chat: { model: 'cheap', share: 0.8 }, hard: { model: 'good', share: 0.2 } },
    };
    writeFileSync(file, JSON.stringify(plan));
    expect(lines(file)).toEqual([
      ['tokens a month', 'cost a month', 'good', 'saved'],
      ['1M', '$1.00', '$4.00', '75.0 %'],
      ['10M', '$10.00', '$40.00', '75.0 %'],
    ]);
    expect(JSON.parse(costCommand([file, '--json']).output)).toEqual(projectCost(plan));
  });

  it('explains its options', () => {
    for (const args of [['--help'], ['-h', '--json']]) {
      const { code, output } = costCommand(args);
      expect(code).toBe(0);
      for (const option of ['--price', '--against', '--tokens', '--output-share', '--cache-hit-rate', '--json'])
        expect(output).toContain(option);
    }
  });

  it.each<[string, string[], string]>([
    ['an option', ['--prize', '1'], "Unknown option '--prize'"],
    ['a file', ['much.json'], 'FILE: "much.json" is not allowed; give the path of a file that exists.'],
    ['a folder', ['test'], 'FILE: "test" is not allowed; give the path of a JSON file.'],
    ['a second file', ['package.json', 'more'], 'FILE: "more" is not allowed; give nothing but --json beside a file.'],
    ['an option beside a file', ['package.json', '--price', '1'], 'FILE: "--price" is not allowed'],
    ['content of a file', ['package.json'], 'there is no such option'],
    ['no value', ['--price'], '--price'],
    ['a price below 0, apart', ['--price', '-1'], '--price: "-1" is not allowed; give US dollars per million tokens'],
    ['a share below 0', ['--output-share', '-.5'], '--output-share: "-.5" is not allowed; give a share from 0 to 1'],
    ['a price', ['--price', 'cheap'], '--price: "cheap" is not allowed; give US dollars per million tokens'],
    ['a price below 0', ['--price=-1'], '--price: "-1" is not allowed'],
    ['a price above the highest', ['--price', '9999999'], '9999999 is not allowed'],
    ['the other price', ['--against', '1/2/3'], '--against: "1/2/3" is not allowed'],
    ['tokens', ['--tokens', '5M,,6M'], '--tokens: "" is not allowed; give numbers such as 5M'],
    ['a unit', ['--tokens', '5X'], '--tokens: "5X" is not allowed'],
    ['too many tokens', ['--tokens', '2000T'], 'tokensPerMonth: 2000000000000000 is not allowed'],
    ['a share', ['--output-share', '1.5'], '--output-share: "1.5" is not allowed; give a share'],
    ['a percentage', ['--cache-hit-rate', '130%'], '--cache-hit-rate: "130%" is not allowed'],
  ])('names an invalid %s, and refuses it', (_, args, message) => {
    const { code, output } = costCommand(args);
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).toContain('See model-router cost --help.');
  });
});
