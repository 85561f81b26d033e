/** Which tokens an AgentProfile is for. */
import type { JsonObject } from "../admission.ts";
import type { Identity } from "./verifier.ts";
import { whatIsTrue } from "./when.ts";

/** Of this issuer, and each claim has one of its values, and `when` is true. */
export interface TokenMatch {
  issuer: string;
  claims: readonly { claim: string; values: readonly string[] }[];
  /** CEL over `claims`. */
  when?: string;
}

/** Who a token says somebody is, as far as a profile asks. */
export interface Presented {
  issuer: string;
  claims: Readonly<Record<string, readonly string[]>>;
  /** Expressions that were true of all its claims. */
  when?: readonly string[];
}

/** Without anything asked it would be for everybody whom the issuer knows. */
export function matches(tokens: readonly TokenMatch[], presented: Presented): boolean {
  return tokens.some(
    ({ issuer, claims, when }) =>
      issuer === presented.issuer &&
      (claims.length > 0 || when !== undefined) &&
      claims.every(({ claim, values }) =>
        valuesOf(presented, claim).some((value) => values.includes(value)),
      ) &&
      (when === undefined || presented.when?.includes(when) === true),
  );
}

/** What of it is kept with a session: no more than what the profile asks for. */
export function kept(
  tokens: readonly TokenMatch[],
  { issuer, claims, said }: Pick<Identity, "issuer" | "claims" | "said">,
): { issuer: string; claims: Record<string, string[]>; when?: string[] } {
  const asked = new Set(tokens.flatMap((token) => token.claims.map(({ claim }) => claim)));
  const found = Object.entries(claims).filter(([name]) => asked.has(name));
  const when = trueOf(tokens, issuer, said);
  return {
    issuer,
    claims: Object.fromEntries(found.map(([name, values]) => [name, [...values]])),
    ...(when.length === 0 ? {} : { when }),
  };
}

/** Of another issuer's tokens nothing is asked. */
function trueOf(tokens: readonly TokenMatch[], issuer: string, said: JsonObject): string[] {
  const own = tokens.filter((token) => token.issuer === issuer);
  return whatIsTrue(
    own.flatMap(({ when }) => (when === undefined ? [] : [when])),
    said,
  );
}

function valuesOf({ claims }: Presented, claim: string): readonly string[] {
  return Object.hasOwn(claims, claim) ? (claims[claim] ?? []) : [];
}
