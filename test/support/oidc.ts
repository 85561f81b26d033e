/** What the verifier of OpenID Connect tokens is tried with: an issuer in the settings, and what its tokens say. */
import type { Issuer } from "#core/exchange/oidc.ts";
import { ManualClock } from "./clock.ts";

export function trusted(issuer: string, settings: Partial<Issuer> = {}): Issuer {
  return {
    ...{ issuer, audiences: ["hoop"], algorithms: ["RS256", "ES256"], authorizedParties: [] },
    ...{ jobClaims: [], usernamePrefix: `${issuer}#`, ...settings },
  };
}

export const ISSUER = trusted("https://id.example");

export const clock = new ManualClock();
/** Seconds since the epoch. */
export const NOW = clock.now() / 1000;
/** Of a token of that issuer that is right. */
export const CLAIMS = { iss: ISSUER.issuer, aud: "hoop", sub: "ci", iat: NOW, exp: NOW + 300 };
