import { MAX_ERROR_CHARS } from './redact.js';

/**
 * An answer with an error status whose body ends after 64 KiB: a longer one is of no use to anyone, and one without end
 * would hold the attempt. Others are as they were.
 */
export function limitErrorBody(response: Response): Response {
  if (response.ok || !(response instanceof Response) || response.body === null) return response;
  const { headers, status, statusText, url } = response;
  // Of a compressed body the length says nothing.
  const length = headers.has('content-encoding') ? Number.NaN : Number(headers.get('content-length') ?? Number.NaN);
  if (length <= MAX_ERROR_CHARS) return response;
  const limited = new Response(firstBytes(response.body, MAX_ERROR_CHARS), { headers, status, statusText });
  return Object.defineProperty(limited, 'url', { value: url });
}

function firstBytes(body: ReadableStream<Uint8Array>, max: number): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let left = max;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) {
        controller.close();
        return;
      }
      controller.enqueue(value.subarray(0, left));
      left -= value.byteLength;
      if (left > 0) return;
      controller.close();
      reader.cancel().catch(() => undefined);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
