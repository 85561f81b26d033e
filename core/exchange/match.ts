/** Which tokens an AgentProfile is for. */
import type { Identity } from "./verifier.ts";

/** Of this issuer, and each claim has one of its values. */
export interface TokenMatch {
  issuer: string;
  claims: readonly { claim: string; values: readonly string[] }[];
}

export type Presented = Pick<Identity, "issuer" | "claims">;

/** Without any claim it would be for everybody whom the issuer knows. */
export function matches(tokens: readonly TokenMatch[], presented: Presented): boolean {
  return tokens.some(
    ({ issuer, claims }) =>
      issuer === presented.issuer &&
      claims.length > 0 &&
      claims.every(({ claim, values }) => valuesOf(presented, claim).some((value) => values.includes(value))),
  );
}

/** What of it is kept with a session: no more than what the profile asks for. */
export function kept(
  tokens: readonly TokenMatch[],
  { issuer, claims }: Presented,
): { issuer: string; claims: Record<string, string[]> } {
  const asked = new Set(tokens.flatMap((token) => token.claims.map(({ claim }) => claim)));
  const found = Object.entries(claims).filter(([name]) => asked.has(name));
  return { issuer, claims: Object.fromEntries(found.map(([name, values]) => [name, [...values]])) };
}

function valuesOf({ claims }: Presented, claim: string): readonly string[] {
  return Object.hasOwn(claims, claim) ? (claims[claim] ?? []) : [];
}
