import type { AccountEndpoints, AccountHandler } from './account.js';
import { speech, transcriptions, translations } from './audio.js';
import { chat } from './chat.js';
import { completions } from './completions.js';
import { conversations } from './conversations.js';
import { embeddings } from './embeddings.js';
import type { ModelEndpoint } from './endpoint.js';
import { files } from './files.js';
import { imageEdits, imageGenerations, imageVariations } from './images.js';
import { jobs } from './jobs.js';
import { models } from './models.js';
import { moderations } from './moderations.js';
import { responses } from './responses.js';
import { storedAnswers } from './stored-answers.js';

const modelEndpoints = new Map<string, ModelEndpoint>(
  [
    chat,
    completions,
    responses,
    embeddings,
    moderations,
    imageGenerations,
    imageEdits,
    imageVariations,
    speech,
    transcriptions,
    translations,
  ].map((endpoint) => [endpoint.path, endpoint]),
);

interface AccountRoute {
  readonly method: string;
  readonly segments: readonly string[];
  readonly handler: AccountHandler;
}

const tables: readonly AccountEndpoints[] = [models, files, jobs, conversations, storedAnswers];

const accountRoutes: readonly AccountRoute[] = tables.flatMap((table) =>
  Object.entries(table).map(([key, handler]) => {
    const [method = '', path = ''] = key.split(' ');
    return { method, segments: path.split('/'), handler };
  }),
);

/** The first segments of all paths. */
const roots = new Set(
  [...modelEndpoints.keys()].concat(accountRoutes.map(({ segments }) => segments.join('/'))).map(rootOf),
);

function rootOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** A path without its base path, and the model in the path, if any, as for Azure. */
export function locate(pathname: string): { readonly endpoint: string; readonly deployment: string | undefined } {
  const azure = /\/deployments\/([^/]+)(\/.*)$/.exec(pathname);
  if (azure) return { endpoint: azure[2] ?? '', deployment: decode(azure[1] ?? '') };
  const base = pathname.indexOf('/v1/');
  if (base >= 0) return { endpoint: pathname.slice(base + 3), deployment: undefined };
  const segments = pathname.split('/');
  const start = segments.findIndex((segment) => roots.has(segment));
  return { endpoint: start > 0 ? `/${segments.slice(start).join('/')}` : pathname, deployment: undefined };
}

/** The endpoint of a path: a model's, an account's, another method's, or none. */
export type Found =
  | { readonly kind: 'model'; readonly endpoint: ModelEndpoint }
  | { readonly kind: 'account'; readonly handler: AccountHandler; readonly id: string; readonly part: string }
  | { readonly kind: 'other-method' }
  | { readonly kind: 'nothing' };

export function find(method: string, path: string): Found {
  const endpoint = modelEndpoints.get(path);
  if (endpoint && method === 'POST') return { kind: 'model', endpoint };
  const segments = segmentsOf(path);
  let isKnown = endpoint !== undefined;
  for (const route of accountRoutes) {
    if (!matches(route.segments, segments)) continue;
    if (route.method === method) {
      const [id = '', part = ''] = segments.filter((_, index) => route.segments[index]?.startsWith(':')).map(decode);
      return { kind: 'account', handler: route.handler, id, part };
    }
    isKnown = true;
  }
  return { kind: isKnown ? 'other-method' : 'nothing' };
}

/** A model's name may contain slashes, and some clients do not encode them. */
function segmentsOf(path: string): string[] {
  return path.startsWith('/models/') ? ['', 'models', path.slice('/models/'.length)] : path.split('/');
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every(
      (segment, index) => segment === segments[index] || (segment.startsWith(':') && segments[index] !== ''),
    )
  );
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
