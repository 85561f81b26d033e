/** Kubernetes' semantic versions. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { Failure, Opaque, type Value } from "../values/value.ts";

const TYPE = "kubernetes.Semver";
const INVALID = new Failure("invalid semantic version");
const LONGEST = 1_000;
const MAX_UINT = 2n ** 64n - 1n;

type Identifier = bigint | string;

class Semver extends Opaque {
  readonly type = TYPE;
  readonly numbers: readonly bigint[];
  readonly before: readonly Identifier[];

  constructor(numbers: readonly bigint[], before: readonly Identifier[]) {
    super();
    this.numbers = numbers;
    this.before = before;
  }

  override equals(other: Semver): boolean {
    return compared(this, other) === 0n;
  }
}

const order = <T extends bigint | string>(a: T, b: T): bigint => {
  if (a === b) return 0n;
  return a < b ? -1n : 1n;
};

function identifiers(a: Identifier, b: Identifier): bigint {
  if (typeof a === "bigint") return typeof b === "bigint" ? order(a, b) : -1n;
  return typeof b === "bigint" ? 1n : order(a, b);
}

function compared(a: Semver, b: Semver): bigint {
  const first = a.numbers.map((one, i) => order(one, b.numbers[i] ?? 0n)).find((result) => result !== 0n);
  if (first !== undefined) return first;
  if (a.before.length === 0 || b.before.length === 0)
    return order(BigInt(a.before.length === 0), BigInt(b.before.length === 0));
  for (const [i, one] of a.before.entries()) {
    const other = b.before[i];
    const result = other === undefined ? 1n : identifiers(one, other);
    if (result !== 0n) return result;
  }
  return order(BigInt(a.before.length), BigInt(b.before.length));
}

const NUMBER = "0|[1-9]\\d{0,19}";
const WRITTEN = new RegExp(
  `^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-([0-9A-Za-z.-]+))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`,
);

function identifier(text: string): Identifier | undefined {
  if (/^\d+$/.test(text)) return /^(?:0|[1-9]\d{0,19})$/.test(text) ? BigInt(text) : undefined;
  return text === "" ? undefined : text;
}

function parsed(text: string): Semver | Failure {
  spend(20 + (text.length >> 2));
  const match = text.length > LONGEST ? null : WRITTEN.exec(text);
  if (match === null) return INVALID;
  const numbers = match.slice(1, 4).map(BigInt);
  const before = match[4] === undefined ? [] : match[4].split(".").map(identifier);
  const known = before.filter((one) => one !== undefined);
  const isInRange = [...numbers, ...known].every((one) => typeof one === "string" || one <= MAX_UINT);
  return known.length === before.length && isInRange ? new Semver(numbers, known) : INVALID;
}

/** One number of a version without its leading zeros. */
function trimmed(part: string): string {
  if (part.length < 2) return part;
  const rest = part.replace(/^0+/, "");
  return /^\d/.test(rest) ? rest : `0${rest}`;
}

/** `v1.02` is 1.2.0. */
function normalized(text: string): Semver | Failure {
  if (text.length > LONGEST) return INVALID;
  const [major = "", minor, ...rest] = text.replace(/^v/, "").split(".");
  const parts = [major, minor, rest.length === 0 ? undefined : rest.join(".")].filter(
    (part) => part !== undefined,
  );
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? "")) return INVALID;
  while (parts.length < 3) parts.push("0");
  return parsed(parts.map(trimmed).join("."));
}

const read = (text: string, isLoose = false): Semver | Failure => (isLoose ? normalized(text) : parsed(text));
const at =
  (position: number) =>
  ({ numbers }: Semver): Value =>
    BigInt.asIntN(64, numbers[position] ?? 0n);

export const SEMVERS: Library = {
  [`semver(string): ${TYPE}`]: (text: string) => read(text),
  [`semver(string, bool): ${TYPE}`]: read,
  "isSemver(string): bool": (text: string) => read(text) instanceof Semver,
  "isSemver(string, bool): bool": (text: string, isLoose: boolean) => read(text, isLoose) instanceof Semver,
  [`${TYPE}.isGreaterThan(${TYPE}): bool`]: (a: Semver, b: Semver) => compared(a, b) > 0n,
  [`${TYPE}.isLessThan(${TYPE}): bool`]: (a: Semver, b: Semver) => compared(a, b) < 0n,
  [`${TYPE}.compareTo(${TYPE}): int`]: compared,
  [`${TYPE}.major(): int`]: at(0),
  [`${TYPE}.minor(): int`]: at(1),
  [`${TYPE}.patch(): int`]: at(2),
};
