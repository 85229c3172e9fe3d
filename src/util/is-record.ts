export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a parameter says anything: in JSON, `null` often stands for nothing. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
