// A small application, written for `openai`. It has no code for a router.
import type { OpenAI } from 'openai';

const model = 'deepseek-ai/DeepSeek-V4-Flash';

export interface Handled {
  readonly summary: string;
  readonly reply: string;
}

/** Summarises a ticket, then drafts a reply to it, and passes each piece to `onText` as it comes. */
export async function handleTicket(
  client: OpenAI,
  ticket: string,
  onText: (text: string) => void = () => {},
): Promise<Handled> {
  const completion = await client.chat.completions.create({
    model,
    messages: [
      { role: 'system', content: 'Sum up the ticket in one sentence.' },
      { role: 'user', content: ticket },
    ],
  });
  const summary = completion.choices[0]?.message.content ?? '';

  const stream = await client.chat.completions.create({
    model,
    stream: true,
    messages: [
      { role: 'system', content: 'Draft a friendly reply.' },
      { role: 'user', content: ticket },
    ],
  });
  let reply = '';
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta.content ?? '';
    reply += text;
    onText(text);
  }
  return { summary, reply };
}
