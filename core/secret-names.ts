/** Which Secrets a pod spec names, wherever in it: environment, volumes, image pulls, storage drivers. */
import { isObject, type Json, text } from "./admission.ts";

/** Sorted, each once. */
export function secretsNamedIn(value: Json): string[] {
  const found = new Set<string>();
  collect(value, found);
  return [...found].sort();
}

function collect(value: Json, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, found);
  if (!isObject(value)) return;
  for (const field of Object.keys(value)) {
    const child = value[field] ?? null;
    for (const name of referenced(field, child)) found.add(name);
    if (typeof child === "object") collect(child, found);
  }
}

/** `secretName: x`, `secret: {name: x}`, `…SecretRef: {name: x}`, `secretKeyRef: {name: x}`, `imagePullSecrets: [{name: x}]`. */
function referenced(field: string, child: Json): readonly string[] {
  if (typeof child !== "object") return field === "secretName" && typeof child === "string" ? [child] : NONE;
  const isReference = field === "secret" || field === "imagePullSecrets" || /secret(?:key)?ref$/i.test(field);
  if (!isReference) return NONE;
  const names = [child].flat().map((reference) => text(reference, "name"));
  return names.filter((name) => name !== "");
}

const NONE: readonly string[] = [];
