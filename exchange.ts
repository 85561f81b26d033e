/** Token exchange: from the settings to what is served, and what goes on beside it. */
import { readFile } from "node:fs/promises";
import type { Certificates } from "#certs/directory.ts";
import type { Client } from "#cluster/client.ts";
import { doorway } from "#cluster/doorway.ts";
import { tokenReview } from "#cluster/token-review.ts";
import { keepDoorways } from "#core/exchange/doorway.ts";
import { type ExchangePorts, exchange, keepForgetting, type Wish } from "#core/exchange/exchange.ts";
import { perMinute } from "#core/exchange/limit.ts";
import { oidcVerifier } from "#core/exchange/oidc.ts";
import { type RevokePorts, revoke } from "#core/exchange/revoke.ts";
import type { Log } from "#core/ports.ts";
import { inTurn } from "#core/session/turns.ts";
import type { Exchange } from "#web/exchange.ts";
import { issuerKeys } from "#web/issuer-keys.ts";
import { serveSecurely } from "#web/secure.ts";
import type { Settings } from "./settings.ts";
import { clock } from "./system.ts";

/** Until the signal aborts. */
type Task = (signal: AbortSignal) => Promise<void>;

/** Tokens for sessions, where the settings trust an issuer. */
export function exchangeOf(
  { exchange: { issuers, skewSeconds, perMinute: often, doorway: account } }: Settings,
  client: Client,
  ports: Omit<ExchangePorts, "verifier" | "doorway" | "subjects" | "inTurn"> & Pick<RevokePorts, "live">,
): { exchange: Exchange | undefined; tasks: Task[] } {
  const subjects = perMinute(often.subject, clock);
  const opened = { ...ports, subjects, inTurn: inTurn(), doorway: doorway(client, account) };
  // Also where no issuer is trusted any more: what was given out is taken back.
  const tasks: Task[] = [(signal) => keepDoorways(opened, signal)];
  if (issuers.length === 0) return { exchange: undefined, tasks };
  const fetched = issuerKeys(clock.now);
  const trusted = issuers.map((one) => ({ ...one, usernamePrefix: one.usernamePrefix ?? `${one.issuer}#` }));
  const sources = new Map(issuers.map(({ issuer, jwksUri }) => [issuer, { issuer, jwksUri }]));
  const keys = ({ issuer }: { issuer: string }) => fetched(sources.get(issuer) ?? { issuer });
  const verifier = oidcVerifier(trusted, { clock, keys, skewSeconds });
  tasks.push((signal) => keepForgetting(ports, skewSeconds, signal));
  const bearer = async (token: string) => {
    const review = await tokenReview(client, token);
    return review.authenticated ? review.user : undefined;
  };
  const exchanging = {
    exchange: (wish: Wish) => exchange({ ...opened, verifier }, wish),
    revoke: (token: string) => revoke({ ...ports, bearer }, token),
    sources: perMinute(often.source, clock),
  };
  return { exchange: exchanging, tasks };
}

/** The same over TLS, where the settings name a port for it. */
export async function secureExchange(
  { listen: { host }, exchange: { port, tls } }: Settings,
  exchange: Exchange | undefined,
  current: () => Certificates,
  log: Log,
) {
  if (exchange === undefined || port === undefined) return undefined;
  const own = async () => ({ key: current().key, cert: current().certificate });
  const read = async ({ key, certificate }: NonNullable<typeof tls>) => ({
    key: await readFile(key, "utf8"),
    cert: await readFile(certificate, "utf8"),
  });
  const failed = (error: unknown) =>
    log.error({ err: error }, "the certificate of the exchange cannot be read; the one in use stays");
  const pair = () => (tls === undefined ? own() : read(tls));
  return serveSecurely({ exchange, pair, failed }, { host, port });
}
