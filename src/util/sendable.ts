const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** The reason phrase of a response, if a new `Response` may have it: servers send UTF-8, too, which it refuses. */
export function sendableStatusText({ statusText }: Response): string {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(statusText) ? statusText : '';
}

/** JSON with any status that a server can send. A new `Response` refuses some, and a body with some others. */
export function jsonResponse(body: unknown, status: number, headers: Headers | Record<string, string>): Response {
  if (WITHOUT_BODY.has(status)) return new Response(null, { status, headers });
  return Response.json(body, { status: status >= 200 && status <= 599 ? status : 502, headers });
}
