/** What `--help` says of a command, with examples to copy. */
export function description(
  text: string,
  examples: readonly (readonly [says: string, command: string])[],
): string {
  return `${text}\n\nEXAMPLES\n${examples.map(([says, command]) => `  # ${says}\n  ${command}`).join("\n")}`;
}
