// The same answers over loopback, from a separate process: `/ok/...` answers, `/down/...` fails.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { answering, failing } from './stub.ts';

const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts).toString();
  const answer = await (request.url?.startsWith('/down/') ? failing() : answering(request.url, { body }));
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  if (answer.body === null) response.end();
  else Readable.fromWeb(answer.body).pipe(response);
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.(address.port);
});
