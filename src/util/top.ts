/** The `count` items that rank highest, in order: one look at each, and no sorting of all. */
export function topOf<T>(items: Iterable<T>, count: number, rank: (item: T) => number): T[] {
  // A heap with the lowest on top, so that most items are turned away by one comparison.
  const heap: { readonly item: T; readonly rank: number }[] = [];
  for (const item of items) {
    const entry = { item, rank: rank(item) };
    if (heap.length < count) {
      heap.push(entry);
      siftUp(heap);
    } else if (count > 0 && entry.rank > (heap[0]?.rank ?? 0)) {
      heap[0] = entry;
      siftDown(heap);
    }
  }
  return heap.sort((a, b) => b.rank - a.rank).map(({ item }) => item);
}

type Heap = { readonly rank: number }[];

function siftUp(heap: Heap): void {
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!swapIfLower(heap, at, parent)) return;
    at = parent;
  }
}

function siftDown(heap: Heap): void {
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    const lower = rankAt(heap, right) < rankAt(heap, left) ? right : left;
    if (!swapIfLower(heap, lower, at)) return;
    at = lower;
  }
}

const rankAt = (heap: Heap, at: number) => heap[at]?.rank ?? Number.POSITIVE_INFINITY;

function swapIfLower(heap: Heap, child: number, parent: number): boolean {
  const a = heap[child];
  const b = heap[parent];
  if (a === undefined || b === undefined || a.rank >= b.rank) return false;
  heap[child] = b;
  heap[parent] = a;
  return true;
}
