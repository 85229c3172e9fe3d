/** Marks a slot in a template. It occurs in no JSON text. */
const SLOT = '\u0001';

/** `value`: a string, a number, `true`, `false` or `null`. `json`: the JSON of any value. */
export type SlotKind = 'value' | 'json';

type Json = Record<string, unknown>;

interface Node {
  readonly slot: SlotKind | undefined;
  /** Set only without children. */
  readonly value: unknown;
  /** Set only for an object. */
  readonly keys: readonly string[] | undefined;
  /** Set for an object or an array. */
  readonly children: readonly Node[] | undefined;
}

/**
 * The common structure of consecutive chunks, with a slot in each place where they differ. The values in its slots
 * describe a chunk that fits.
 */
export class ChunkShape {
  /** The JSON, with `SLOT` in place of each slot. */
  readonly template: string;
  readonly slots: readonly SlotKind[];
  readonly #root: Node;

  private constructor(common: Node, chunk: unknown) {
    const slots: SlotKind[] = [];
    this.#root = withSlots(common, chunk, slots);
    this.slots = slots;
    this.template = templateOf(this.#root);
  }

  /** The shape of two chunks, the first given as JSON; `undefined` if they have different keys. */
  static ofTwo(json: string, chunk: unknown): ChunkShape | undefined {
    const first = nodeOf(JSON.parse(json));
    return isAlike(first, chunk) ? new ChunkShape(first, chunk) : undefined;
  }

  /** The shape with another slot in each place where `chunk` differs; `undefined` if `chunk` has other keys. */
  withSlotsFor(chunk: unknown): ChunkShape | undefined {
    return isAlike(this.#root, chunk) ? new ChunkShape(this.#root, chunk) : undefined;
  }

  /** The chunk's values for the slots; `undefined` if it does not fit. Throws if it has no JSON. */
  valuesOf(chunk: unknown): unknown[] | undefined {
    const values: unknown[] = [];
    return fits(this.#root, chunk, values) ? values : undefined;
  }
}

/** Rebuilds the chunk that has these JSON texts in the slots. */
export function fillIn(template: string, texts: readonly string[]): unknown {
  const parts = template.split(SLOT);
  return JSON.parse(parts.map((part, i) => part + (texts[i] ?? '')).join(''));
}

/** Whether both have the same keys. Arrays may differ in length, unless one is empty. */
function isAlike({ slot, keys, children }: Node, value: unknown): boolean {
  if (slot === 'json') return true;
  if (typeof value !== 'object' || value === null) return children === undefined;
  if (children === undefined || Array.isArray(value) !== (keys === undefined)) return false;
  if (Array.isArray(value)) {
    if (children.length !== value.length) return children.length > 0 && value.length > 0;
    return children.every((child, i) => isAlike(child, value[i]));
  }
  let at = 0;
  for (const key in value) {
    const child = children[at];
    if (child === undefined || keys?.[at] !== key || !isAlike(child, (value as Json)[key])) return false;
    at++;
  }
  return at === children.length;
}

/** Of a parsed chunk. By its own keys: what a library adds to `Object.prototype` makes other chunks fit no shape. */
function nodeOf(value: unknown): Node {
  if (typeof value !== 'object' || value === null)
    return { slot: undefined, value, keys: undefined, children: undefined };
  if (Array.isArray(value)) return { slot: undefined, value: undefined, keys: undefined, children: value.map(nodeOf) };
  const keys = Object.keys(value);
  const children = keys.map((key) => nodeOf((value as Json)[key]));
  return { slot: undefined, value: undefined, keys, children };
}

/** `value` must pass `isAlike`. Adds the kinds of the slots to `slots`, in order. */
function withSlots(node: Node, value: unknown, slots: SlotKind[]): Node {
  const slot = slotOf(node, value);
  if (slot !== undefined) {
    slots.push(slot);
    return { slot, value: undefined, keys: undefined, children: undefined };
  }
  const { keys, children } = node;
  if (children === undefined) return node;
  const own = value as Json;
  const withTheirs = children.map((child, i) => withSlots(child, own[keys?.[i] ?? i], slots));
  return { slot, value: undefined, keys, children: withTheirs };
}

function slotOf({ slot, value: expected, children }: Node, value: unknown): SlotKind | undefined {
  if (slot !== undefined) return slot;
  if (children === undefined) return value === expected ? undefined : 'value';
  return Array.isArray(value) && value.length !== children.length ? 'json' : undefined;
}

/** Compares the chunk's keys and values without writing its JSON. */
function fits({ slot, value: expected, keys, children }: Node, value: unknown, values: unknown[]): boolean {
  if (slot === 'json') {
    const json: string | undefined = JSON.stringify(value);
    if (json === undefined) return false;
    values.push(json);
    return true;
  }
  if (slot === 'value') {
    if (!isLeaf(value)) return false;
    values.push(value);
    return true;
  }
  if (children === undefined) return value === expected;
  if (typeof value !== 'object' || value === null) return false;
  if (keys === undefined) {
    if (!Array.isArray(value) || value.length !== children.length) return false;
    return children.every((child, i) => fits(child, value[i], values));
  }
  let at = 0;
  for (const key in value) {
    const child = children[at];
    if (child === undefined || keys[at] !== key) return false;
    if (!fits(child, (value as Json)[key], values)) return false;
    at++;
  }
  return at === children.length && !Array.isArray(value);
}

function isLeaf(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null;
}

function templateOf({ slot, value, keys, children }: Node): string {
  if (slot !== undefined) return SLOT;
  if (children === undefined) return JSON.stringify(value);
  if (keys === undefined) return `[${children.map(templateOf).join(',')}]`;
  return `{${children.map((child, i) => `${JSON.stringify(keys[i])}:${templateOf(child)}`).join(',')}}`;
}
