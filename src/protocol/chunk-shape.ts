/** Marks a slot in a template. It occurs in no JSON text. */
const SLOT = '\u0001';

/** `value`: a string, a number, `true`, `false` or `null`. `json`: the JSON of any value. */
export type SlotKind = 'value' | 'json';

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

  private constructor(root: Node, slots: readonly SlotKind[]) {
    this.#root = root;
    this.slots = slots;
    this.template = templateOf(root);
  }

  /** The shape of two chunks, the first given as JSON; `undefined` if they have different keys. */
  static ofTwo(json: string, chunk: unknown): ChunkShape | undefined {
    return new ChunkShape(nodeOf(JSON.parse(json)), []).withSlotsFor(chunk);
  }

  /** The shape with another slot in each place where `chunk` differs; `undefined` if `chunk` has other keys. */
  withSlotsFor(chunk: unknown): ChunkShape | undefined {
    if (!isAlike(this.#root, chunk)) return undefined;
    const slots: SlotKind[] = [];
    const root = withSlots(this.#root, chunk, slots);
    return new ChunkShape(root, slots);
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
  if (children === undefined || typeof value !== 'object' || value === null)
    return children === undefined && (typeof value !== 'object' || value === null);
  if (Array.isArray(value)) {
    if (keys !== undefined || (children.length === 0) !== (value.length === 0)) return false;
    return children.length !== value.length || children.every((child, i) => isAlike(child, value[i]));
  }
  const entries = Object.entries(value);
  if (entries.length !== keys?.length) return false;
  return children.every((child, i) => keys[i] === entries[i]?.[0] && isAlike(child, entries[i]?.[1]));
}

function nodeOf(value: unknown): Node {
  if (typeof value !== 'object' || value === null)
    return { slot: undefined, value, keys: undefined, children: undefined };
  const keys = Array.isArray(value) ? undefined : Object.keys(value);
  return { slot: undefined, value: undefined, keys, children: Object.values(value).map(nodeOf) };
}

/** `value` must pass `isAlike`. Adds the kinds of the slots to `slots`, in order. */
function withSlots(node: Node, value: unknown, slots: SlotKind[]): Node {
  const slot = slotOf(node, value);
  if (slot !== undefined) slots.push(slot);
  if (slot !== undefined) return { slot, value: undefined, keys: undefined, children: undefined };
  if (node.children === undefined || typeof value !== 'object' || value === null) return node;
  const values: unknown[] = Object.values(value);
  return { ...node, children: node.children.map((child, i) => withSlots(child, values[i], slots)) };
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
    if (!fits(child, (value as Record<string, unknown>)[key], values)) return false;
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
  const texts = children.map(templateOf);
  if (keys === undefined) return `[${texts.join(',')}]`;
  return `{${texts.map((text, i) => `${JSON.stringify(keys[i])}:${text}`).join(',')}}`;
}
