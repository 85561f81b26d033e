/** ID and access tokens of OpenID Connect (JWT): by issuers, audiences and algorithms that are named in the settings. */
import { createHash } from "node:crypto";
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { JsonObject } from "../admission.ts";
import type { Clock } from "../ports.ts";
import type { Identity, Verification, Verifier } from "./verifier.ts";

export interface Issuer {
  /** Exactly as `iss` has it. */
  issuer: string;
  /** `aud` must name one of them. */
  audiences: readonly string[];
  /** Asymmetric ones alone: a key that everybody may know must not sign. */
  algorithms: readonly string[];
  /** Where there are any: `azp` must be one of them. */
  authorizedParties: readonly string[];
  /** By which of its claims jobs are told apart that have the same subject. */
  jobClaims: readonly string[];
  /** Before `sub` in user names. */
  usernamePrefix: string;
}

export interface OidcPorts {
  clock: Clock;
  /** The keys of an issuer, as they are now. Rejects where they cannot be had. */
  keys: (issuer: Issuer) => JWTVerifyGetKey;
  /** Clocks may differ by so many seconds. */
  skewSeconds: number;
}

const LONGEST_TOKEN = 16 * 1024;
const UNTRUSTED =
  "its issuer is none of those that are trusted: exchange.issuers of the settings has them, to the letter";
/** No other kind of JWT (a logout token, a DPoP proof) is one of these. */
const TYPES = [undefined, "JWT", "jwt", "at+jwt", "application/at+jwt"];
/** What is checked here and says nothing of who it is. */
const TECHNICAL = new Set(["iss", "aud", "exp", "nbf", "iat", "jti", "nonce", "at_hash", "c_hash", "azp"]);

export function oidcVerifier(issuers: readonly Issuer[], ports: OidcPorts): Verifier {
  return {
    async verify(token) {
      if (token.length > LONGEST_TOKEN) return refused("it is too long: 16 KiB at most");
      const claimed = claimedIssuer(token);
      if (claimed === "unreadable")
        return refused("it is no JWT: bring an ID token, or an access token that is one");
      const issuer = issuers.find((one) => one.issuer === claimed.issuer);
      if (issuer === undefined) return refused(UNTRUSTED);
      try {
        return await verified(token, issuer, ports);
      } catch (error) {
        return failure(error);
      }
    },
  };
}

async function verified(token: string, issuer: Issuer, ports: OidcPorts): Promise<Verification> {
  const now = ports.clock.now();
  const { payload, protectedHeader } = await jwtVerify(token, fetched(ports.keys(issuer)), {
    issuer: issuer.issuer,
    audience: [...issuer.audiences],
    algorithms: [...issuer.algorithms],
    clockTolerance: ports.skewSeconds,
    currentDate: new Date(now),
    requiredClaims: ["exp", "iat", "sub"],
  });
  if (!TYPES.includes(protectedHeader.typ))
    return refused("it is another kind of token: bring an ID token, or an access token");
  const wrong = whatIsWrong(payload, issuer, now / 1000 + ports.skewSeconds);
  return wrong === undefined
    ? { kind: "verified", identity: identityOf(token, payload, issuer) }
    : refused(wrong);
}

/** The keys cannot be had: the token may well be right. */
class NoKeys extends Error {}

/** Whatever else goes wrong is the token's fault. */
function fetched(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JOSEError && !NOT_TOLD.has(error.code)) throw error;
      throw new NoKeys("no keys", { cause: error });
    }
  };
}

/** What jose does not look at. `latest`: seconds since the epoch. */
function whatIsWrong(payload: JWTPayload, issuer: Issuer, latest: number): string | undefined {
  if ((payload.iat ?? 0) > latest) return "it was issued in the future: clocks differ too much";
  if (typeof payload.sub !== "string" || payload.sub === "") return "it names nobody";
  const { azp } = payload;
  const parties = issuer.authorizedParties;
  if (parties.length > 0 && !parties.includes(text(azp))) return "it was issued to another client (azp)";
  const isShared = Array.isArray(payload.aud) && payload.aud.length > 1;
  if (parties.length === 0 && isShared && !issuer.audiences.includes(text(azp)))
    return "it is for several audiences, and not issued to one of ours (azp)";
  const names = [`${issuer.usernamePrefix}${payload.sub}`, ...Object.values(claimsOf(payload)).flat()];
  return names.some((name) => name.trimStart().toLowerCase().startsWith("system:"))
    ? "it carries a name that is Kubernetes' own (system:)"
    : undefined;
}

function identityOf(token: string, payload: JWTPayload, from: Issuer): Identity {
  const { issuer, usernamePrefix, jobClaims } = from;
  const claims = claimsOf(payload);
  const subject = payload.sub ?? "";
  const signed = token.slice(0, token.lastIndexOf("."));
  return {
    ...{ issuer, subject, username: `${usernamePrefix}${subject}` },
    ...{ claims, said: Object.fromEntries(saidBy(payload)) as JsonObject },
    job: Object.fromEntries(Object.entries(claims).filter(([name]) => jobClaims.includes(name))),
    fingerprint: createHash("sha256").update(signed).digest("hex"),
    ...{ issued: (payload.iat ?? 0) * 1000, expires: (payload.exp ?? 0) * 1000 },
  };
}

function claimsOf(payload: JWTPayload): Record<string, string[]> {
  return Object.fromEntries(saidBy(payload).map(([name, value]) => [name, textsOf(value)]));
}

/** An address that nobody has confirmed is anybody's. */
function saidBy(payload: JWTPayload): [string, unknown][] {
  return Object.entries(payload).filter(
    ([name]) => !TECHNICAL.has(name) && (name !== "email" || payload["email_verified"] === true),
  );
}

/** Of anything else nothing is made: a list of one is no name. */
function text(claim: unknown): string {
  return typeof claim === "string" ? claim : "";
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value === "string") return [value];
  return typeof value === "number" || typeof value === "boolean" ? [String(value)] : [];
}

function claimedIssuer(token: string): { issuer: string | undefined } | "unreadable" {
  try {
    return { issuer: decodeJwt(token).iss };
  } catch {
    return "unreadable";
  }
}

/** By jose's own codes. */
const WORDS: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: "it has expired: bring a new one",
  ERR_JOSE_ALG_NOT_ALLOWED: "its algorithm is none of those that are allowed for its issuer in the settings",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "its signature is wrong",
  ERR_JWKS_NO_MATCHING_KEY: "no key of its issuer has signed it",
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: "it does not say which key has signed it",
};
/** What to do about a claim. */
const HINTS: Readonly<Record<string, string>> = {
  aud: ": ask for one that is for an audience of which the settings know",
  nbf: ": it is not valid yet",
};
/** Of the keys themselves. */
const NOT_TOLD = new Set(["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JOSE_GENERIC"]);

function failure(error: unknown): Verification {
  if (error instanceof NoKeys)
    return { kind: "unavailable", why: "the keys of its issuer cannot be had now" };
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`its ${error.claim} is not right${HINTS[error.claim] ?? ""}`);
  const words = error instanceof errors.JOSEError ? WORDS[error.code] : undefined;
  return refused(words ?? "it is no token that can be verified");
}

function refused(why: string): Verification {
  return { kind: "refused", why };
}
