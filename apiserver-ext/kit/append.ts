/** `push(...more)` passes each as an argument, and some hundred thousand of them overflow the stack. */
export function append<T>(list: T[], more: readonly T[]): void {
  for (const each of more) list.push(each);
}
