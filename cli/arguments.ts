/** kubectl's users write `-ojson` and `-wojson`; the argument scanner knows only `-o json`. */

const WITH_VALUE = new Set(["n", "o", "m", "s"]);

/** Takes single-letter flags apart from each other and from a value stuck to them. */
export function separated(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const flags = end < 0 ? args : args.slice(0, end);
  return [...flags.flatMap(one), ...(end < 0 ? [] : args.slice(end))];
}

function one(argument: string): string[] {
  if (!/^-[a-zA-Z]./s.test(argument)) return [argument];
  const letters = [...argument.slice(1)];
  const at = letters.findIndex((letter) => WITH_VALUE.has(letter));
  if (at < 0) return [argument];
  const value = letters
    .slice(at + 1)
    .join("")
    .replace(/^=/, "");
  const single = letters.slice(0, at + 1).map((letter) => `-${letter}`);
  return value === "" ? single : [...single, value];
}
