/** Where two neutral answers are not the same. */
export interface Difference {
  /** Such as `body.details.causes[0].message` or `headers.warning`. */
  path: string;
  /** undefined: that side has nothing there. */
  ours: unknown;
  theirs: unknown;
}

export function differences(ours: unknown, theirs: unknown, path = ""): Difference[] {
  if (Object.is(ours, theirs)) return [];
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    const length = Math.max(ours.length, theirs.length);
    return Array.from({ length }, (_, i) => differences(ours[i], theirs[i], `${path}[${i}]`)).flat();
  }
  if (isRecord(ours) && isRecord(theirs)) {
    const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
    return [...keys].flatMap((key) =>
      differences(ours[key], theirs[key], path === "" ? key : `${path}.${key}`),
    );
  }
  return [{ path, ours, theirs }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
