import { asString, type JsonObject } from './json.js';

/** A request's body, read and parsed. */
export interface ReceivedBody {
  /** Parsed JSON, the fields of a form, or the text. */
  readonly body: unknown;
  /** Files of a form by field. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The content type says JSON or a form, but the body is neither. */
  readonly invalid: boolean;
}

const noFiles: ReadonlyMap<string, Uint8Array> = new Map();

export function readText(text: string | undefined, contentType = ''): ReceivedBody {
  if (text === undefined || text === '') return { body: undefined, files: noFiles, invalid: false };
  const isJson = contentType.includes('json');
  try {
    return { body: JSON.parse(text), files: noFiles, invalid: false };
  } catch {
    return { body: text, files: noFiles, invalid: isJson };
  }
}

/** Reads any body that `fetch` accepts. */
export async function readBody(body: NonNullable<RequestInit['body']>, contentType = ''): Promise<ReceivedBody> {
  if (body instanceof FormData) return readForm(body);
  const whole = new Response(body, contentType === '' ? {} : { headers: { 'content-type': contentType } });
  if (!contentType.startsWith('multipart/')) return readText(await whole.text(), contentType);
  try {
    return await readForm(await whole.formData());
  } catch {
    return { body: undefined, files: noFiles, invalid: true };
  }
}

/** A field named `x[]`, or a repeated one, is a list. A file is recorded with its name, type and size. */
async function readForm(form: FormData): Promise<ReceivedBody> {
  const fields = new Map<string, unknown>();
  const files = new Map<string, Uint8Array>();
  for (const [key, value] of form) {
    const name = key.replace(/\[\]$/, '');
    const text = asString(value);
    const recorded = typeof value === 'string' ? text : { name: value.name, type: value.type, size: value.size };
    if (typeof value !== 'string') files.set(name, new Uint8Array(await value.arrayBuffer()));
    const before = fields.get(name);
    if (Array.isArray(before)) before.push(recorded);
    else if (before !== undefined) fields.set(name, [before, recorded]);
    else fields.set(name, key === name ? recorded : [recorded]);
  }
  const body: JsonObject = Object.fromEntries(fields);
  return { body, files, invalid: false };
}
