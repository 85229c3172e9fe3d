import { MAX_ERROR_CHARS } from './redact.js';

/**
 * Cuts the text of an error answer after 64 KiB: the rest is useless, and an endless body would block the attempt. The
 * SDK reads such an answer only as text. Other answers are returned unchanged.
 */
export function limitErrorBody(response: Response): Response {
  if (response.ok || !(response instanceof Response) || response.body === null) return response;
  const { headers, body } = response;
  // The length of a compressed body is unknown.
  const length = headers.has('content-encoding') ? Number.NaN : Number(headers.get('content-length') ?? Number.NaN);
  if (length <= MAX_ERROR_CHARS) return response;
  return Object.defineProperty(response, 'text', { value: () => firstText(body), configurable: true });
}

async function firstText(body: ReadableStream<Uint8Array>): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let left = MAX_ERROR_CHARS; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value.subarray(0, left), { stream: true });
    left -= value.byteLength;
    if (left > 0) continue;
    reader.cancel().catch(() => undefined);
    return text;
  }
}
