// The platform types that these examples use; a project has its own.
declare module 'cloudflare:workers' {
  export const env: { GLOBAL_API_KEY: string };
  export function waitUntil(promise: Promise<unknown>): void;
}

declare module 'next/server' {
  export function after(work: () => unknown): void;
}

declare const Deno: {
  env: { get(name: string): string | undefined };
  serve(options: { port: number }, handler: (request: Request) => Promise<Response>): unknown;
};

declare const Bun: {
  serve(options: { port: number; fetch(request: Request): Promise<Response> }): unknown;
};

declare const location: { origin: string };
