/** The keys of issuers, fetched from where they say these are (OpenID Connect discovery), and again when they change. */
import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";

export interface KeySource {
  issuer: string;
  /** Left out: what the issuer's own configuration says. */
  jwksUri?: string | undefined;
}

/** A key that is not known is looked for at most so often: whoever sends tokens must not make us ask. */
const COOLDOWN_MILLISECONDS = 30_000;
const FRESH_MILLISECONDS = 600_000;
const TIMEOUT_MILLISECONDS = 5_000;

export function issuerKeys(now: () => number): (source: KeySource) => JWTVerifyGetKey {
  const known = new Map<string, JWTVerifyGetKey>();
  return (source) => {
    const keys = known.get(source.issuer) ?? keysOf(source, now);
    known.set(source.issuer, keys);
    return keys;
  };
}

function keysOf({ issuer, jwksUri }: KeySource, now: () => number): JWTVerifyGetKey {
  let found: Remote | undefined;
  let failedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<string> | undefined;
  const learnt = async () => {
    try {
      looking ??= jwksUri === undefined ? discovered(issuer) : Promise.resolve(jwksUri);
      return remote(await looking);
    } finally {
      looking = undefined;
    }
  };
  return async (header, token) => {
    if (now() < failedAt + COOLDOWN_MILLISECONDS) return known(issuer, found)(header, token);
    try {
      found ??= await learnt();
      return await found(header, token);
    } catch (error) {
      if (!isOfToken(error)) failedAt = now();
      throw error;
    }
  };
}

type Remote = ReturnType<typeof createRemoteJWKSet>;

/** Without asking. Throws where nothing is known that is still good. */
function known(issuer: string, found: Remote | undefined): JWTVerifyGetKey {
  const keys = found?.fresh === true ? found.jwks() : undefined;
  if (keys === undefined) throw new Error(`${issuer} did not answer`);
  return createLocalJWKSet(keys);
}

/** The keys could be had; the token is of none of them. */
function isOfToken(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
}

function remote(uri: string): Remote {
  return createRemoteJWKSet(new URL(uri), {
    cooldownDuration: COOLDOWN_MILLISECONDS,
    cacheMaxAge: FRESH_MILLISECONDS,
    timeoutDuration: TIMEOUT_MILLISECONDS,
  });
}

/** Rejects where its configuration cannot be had, or is another issuer's. */
async function discovered(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS);
  const response = await fetch(url, { redirect: "error", signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const configuration: unknown = await response.json();
  if (typeof configuration !== "object" || configuration === null)
    throw new Error(`${url}: no configuration`);
  const { issuer: named, jwks_uri: uri } = configuration as Record<string, unknown>;
  if (named !== issuer) throw new Error(`${url}: it is the configuration of another issuer`);
  // Whoever can change the keys on their way can sign: only the issuer's own transport is as good as the issuer.
  if (typeof uri !== "string" || new URL(uri).protocol !== new URL(issuer).protocol)
    throw new Error(`${url}: it names no keys, or none that are as safe`);
  return uri;
}
