/** A chat stream as recorded on the wire: its text has characters of two, three and four bytes. */
const head =
  '"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_fc9f1d7035"';
const pieces = ['Grüße', ' aus', ' 東京', ' 🎌', '!'];

const chunk = (delta: object, finishReason: string | null = null): string =>
  `data: {${head},"choices":[{"index":0,"delta":${JSON.stringify(delta)},"logprobs":null,"finish_reason":${JSON.stringify(finishReason)}}]}\n\n`;

const events = [
  { text: '', wire: chunk({ role: 'assistant', content: '', refusal: null }) },
  ...pieces.map((text) => ({ text, wire: chunk({ content: text }) })),
  { text: '', wire: chunk({}, 'stop') },
  { text: '', wire: 'data: [DONE]\n\n' },
];

export const recordedStream: Uint8Array = Buffer.from(events.map(({ wire }) => wire).join(''));
export const recordedText = pieces.join('');

/**
 * The content of the whole events in the first `bytes` bytes: their text, and whether `finish_reason` is among them.
 */
export function saidIn(bytes: number): { text: string; finished: boolean } {
  let text = '';
  let end = 0;
  let finished = false;
  for (const event of events) {
    end += Buffer.byteLength(event.wire);
    if (end > bytes) break;
    text += event.text;
    finished ||= event.wire.includes('"finish_reason":"stop"');
  }
  return { text, finished };
}
