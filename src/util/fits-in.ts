/**
 * Whether a value from outside is small enough to store: at most `chars` characters, each value counting as eight more.
 */
export function fitsIn(value: unknown, chars: number): boolean {
  let left = chars;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const each = open.pop();
    left -= 8 + (typeof each === 'string' ? each.length : 0);
    if (left < 0) return false;
    if (typeof each !== 'object' || each === null) continue;
    for (const key in each) {
      left -= key.length;
      if (left < 0) return false;
      open.push(Reflect.get(each, key));
    }
  }
  return true;
}
