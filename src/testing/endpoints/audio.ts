import { encodeBase64 } from '../../util/base64.js';
import { draft } from '../draft.js';
import { asString } from '../json.js';
import { sse } from '../sse.js';
import { piecesOf } from '../tokens.js';
import { inputUsage } from '../usage.js';
import { json, type ModelCall, type ModelEndpoint, type Plain } from './endpoint.js';

const audioTypes = new Map([
  ['mp3', 'audio/mpeg'],
  ['opus', 'audio/opus'],
  ['aac', 'audio/aac'],
  ['flac', 'audio/flac'],
  ['wav', 'audio/wav'],
  ['pcm', 'audio/pcm'],
]);

/** Bytes labelled as sound: the script's text, or the text that should be spoken. No player plays them. */
export const speech: ModelEndpoint = {
  path: '/audio/speech',
  required: ['model', 'input', 'voice'],

  plain: (call) => ({
    contentType: audioTypes.get(asString(call.body.response_format) ?? 'mp3') ?? 'application/octet-stream',
    body: new TextEncoder().encode(spoken(call)),
  }),

  *events(call) {
    for (const piece of piecesOf(spoken(call), call.answer.chunks)) {
      yield {
        part: 'content',
        text: sse({ type: 'speech.audio.delta', audio: encodeBase64(new TextEncoder().encode(piece)) }),
      };
    }
    const said = draft(call, { input: call.body.input });
    yield { part: 'finish', text: sse({ type: 'speech.audio.done', usage: inputUsage(said.usage) }) };
  },
};

function spoken(call: ModelCall): string {
  const { answer, body } = call;
  const given = answer.content !== undefined || Array.isArray(answer.chunks);
  return given ? draft(call, { input: body.input }).text : `sound of: ${asString(body.input) ?? ''}`;
}

export const transcriptions: ModelEndpoint = {
  path: '/audio/transcriptions',
  required: ['file', 'model'],
  plain: transcript,

  *events(call) {
    const said = draft(call, { input: '' });
    for (const delta of piecesOf(said.text, call.answer.chunks)) {
      yield { part: 'content', text: sse({ type: 'transcript.text.delta', delta }) };
    }
    const usage = inputUsage(said.usage);
    yield { part: 'finish', text: sse({ type: 'transcript.text.done', text: said.text, usage }) };
  },
};

export const translations: ModelEndpoint = {
  path: '/audio/translations',
  required: ['file', 'model'],
  plain: transcript,
};

function transcript(call: ModelCall): Plain {
  const { text } = draft(call, { input: '' });
  switch (call.body.response_format) {
    case 'text':
      return { contentType: 'text/plain; charset=utf-8', body: `${text}\n` };
    case 'srt':
      return { contentType: 'text/plain; charset=utf-8', body: `1\n00:00:00,000 --> 00:00:01,000\n${text}\n` };
    case 'vtt':
      return { contentType: 'text/plain; charset=utf-8', body: `WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n${text}\n` };
    case 'verbose_json':
      return json({ task: 'transcribe', language: 'english', duration: 1, text, segments: [], ...durationOf(call) });
    default:
      return json({ text, ...durationOf(call) });
  }
}

function durationOf({ answer }: ModelCall) {
  return answer.usage === false ? {} : { usage: { type: 'duration', seconds: 1, ...answer.usage?.extra } };
}
