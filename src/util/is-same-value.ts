/** Whether two configuration values are equal: plain data by content, functions by identity. */
export function isSameValue(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (one instanceof Map || other instanceof Map)
    return one instanceof Map && other instanceof Map && isSameValue([...one], [...other]);
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => isSameValue(Reflect.get(one, name), Reflect.get(other, name)));
}
