/** Who a token says somebody is. OpenID Connect is one verifier; others (SAML) fit the same port. */

import type { JsonObject } from "../admission.ts";

/** What a verified token proves. */
export interface Identity {
  issuer: string;
  subject: string;
  /** The name in the ledger and in policies. Never one of Kubernetes' own (`system:…`). */
  username: string;
  /** The claims that AgentProfiles may ask for: the items of a list, and anything else as one text. */
  claims: Readonly<Record<string, readonly string[]>>;
  /** All claims as the token has them: `claims` in expressions. */
  said: JsonObject;
  /** The claims by which jobs of one subject are told apart; empty: the subject has only one. */
  job: Readonly<Record<string, readonly string[]>>;
  /** When the token was issued, milliseconds since the epoch. What it says counts only until a newer one comes. */
  issued: number;
  /** A hash (hex) of what was signed: equal for the same token, however it is encoded. */
  fingerprint: string;
  /** From when on the token is refused, milliseconds since the epoch. */
  expires: number;
}

/** `why` is told to whoever sent the token, and names no secret. `unavailable`: nobody can tell now; the token may be good. */
export type Verification =
  | { kind: "verified"; identity: Identity }
  | { kind: "refused"; why: string }
  | { kind: "unavailable"; why: string };

export interface Verifier {
  verify(token: string): Promise<Verification>;
}
