/** Paths of fields as messages write them: `spec.rules[0].name`. The root is "". */

export function child(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

export function item(path: string, index: number): string {
  return `${path}[${index}]`;
}
