/** Command line flags by name, without the dashes. */
export type Flags = Readonly<Record<string, string>>;

/** `--name=value` for each. */
export const flagWords = (flags: Flags): string[] =>
  Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
