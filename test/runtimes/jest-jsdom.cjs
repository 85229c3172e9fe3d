const { TestEnvironment } = require('jest-environment-jsdom');

/** jsdom has no `fetch`: its users add Node's, and what belongs to it. */
const NAMES = [
  ...['fetch', 'Request', 'Response', 'Headers', 'FormData', 'File', 'Blob', 'AbortController', 'AbortSignal'],
  ...[
    'ReadableStream',
    'WritableStream',
    'TransformStream',
    'TextEncoder',
    'TextDecoder',
    'TextDecoderStream',
    'Uint8Array',
  ],
];

module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const name of NAMES) this.global[name] = globalThis[name];
  }
};
