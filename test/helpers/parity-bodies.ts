import { toFile } from 'openai';
import { z } from 'zod';

export const messages = [
  { role: 'system' as const, content: 'You are terse.' },
  { role: 'user' as const, content: 'What is the weather in Bern?' },
];

export const Weather = z.object({ city: z.string(), degrees: z.number() });

export const weatherSchema = {
  type: 'object',
  properties: { city: { type: 'string' }, degrees: { type: 'number' } },
  required: ['city', 'degrees'],
  additionalProperties: false,
};

export const weatherTool = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

export const sound = () => toFile(Buffer.from('sound'), 'sound.wav', { type: 'audio/wav' });
export const picture = () => toFile(Buffer.from('picture'), 'picture.png', { type: 'image/png' });
