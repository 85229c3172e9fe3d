/** The `count` items that rank highest, in order: one look at each, and no sorting of all. */
export function topOf<T>(items: Iterable<T>, count: number, rank: (item: T) => number): T[] {
  // A heap with the lowest on top, so that most items are turned away by one comparison.
  const heap: { readonly item: T; readonly rank: number }[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = rank(item);
    if (heap.length < count) {
      heap.push({ item, rank: value });
      siftUp(heap);
    } else if (value > lowest) {
      heap[0] = { item, rank: value };
      siftDown(heap);
    } else continue;
    if (heap.length === count) lowest = heap[0]?.rank ?? lowest;
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
