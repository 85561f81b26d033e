/** Whether two JSON values are the same, whatever the order of members. */
import { ExactNumber, isObject, type Json } from "../../admission.ts";

export function same(a: Json, b: Json): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i] ?? null));
  if (a instanceof ExactNumber) return b instanceof ExactNumber && a.text === b.text;
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && same(a[name] ?? null, b[name] ?? null))
  );
}
