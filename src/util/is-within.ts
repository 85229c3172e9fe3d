/** Whether all regions where a deployment may run are among these. */
export function isWithin(own: readonly string[], regions: ReadonlySet<string>): boolean {
  return own.length > 0 && own.every((region) => regions.has(region));
}
