/** Who a token says somebody is. OpenID Connect is one verifier; others (SAML) fit the same port. */

import type { JsonObject } from "../admission.ts";

/** What was proven. */
export interface Identity {
  issuer: string;
  subject: string;
  /** As the ledger and policies name him; never a name that is Kubernetes' own. */
  username: string;
  /** What may be asked of him; lists as they are, anything else as one text. */
  claims: Readonly<Record<string, readonly string[]>>;
  /** The same as the token has it: what expressions are about. */
  said: JsonObject;
  /** Those of its claims that tell jobs apart which have the same subject; none: there is but one of him. */
  job: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds since the epoch: what an older token says is no news. */
  issued: number;
  /** Of what was signed: the same token is the same, however it is written. Hex. */
  fingerprint: string;
  /** Milliseconds since the epoch: from then on the token is refused anyway. */
  expires: number;
}

/** `why` is told to whoever sent the token: it names no secret. unavailable: it may be right, ask again. */
export type Verification =
  | { kind: "verified"; identity: Identity }
  | { kind: "refused"; why: string }
  | { kind: "unavailable"; why: string };

export interface Verifier {
  verify(token: string): Promise<Verification>;
}
