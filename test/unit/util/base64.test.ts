import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/util/base64.js';

it('writes what Buffer writes, and reads it back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64'));
      expect(decodeBase64(text)).toEqual(bytes);
      expect(decodeBase64(Buffer.from(bytes).toString('base64url'))).toEqual(bytes);
    }),
  );
});

it.each(['', 'A', 'AQ', 'AQI', 'AQ ID\n', 'A*Q==', 'AQIDB'])('reads %j as Buffer does', (text) => {
  expect([...decodeBase64(text)]).toEqual([...Buffer.from(text, 'base64')]);
});
