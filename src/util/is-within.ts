/** Whether a deployment runs within these regions, wherever it may run. */
export function isWithin(own: readonly string[], regions: ReadonlySet<string>): boolean {
  return own.length > 0 && own.every((region) => regions.has(region));
}
