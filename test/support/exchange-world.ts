import { agentMatcher } from "#core/agents.ts";
import { type ExchangePorts, exchange, type Wish } from "#core/exchange/exchange.ts";
import { perMinute } from "#core/exchange/limit.ts";
import type { Identity, Verification } from "#core/exchange/verifier.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile } from "#core/session/profile.ts";
import { inTurn } from "#core/session/turns.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "./clock.ts";
import { asking, sessionTerms } from "./terms.ts";

export const IDENTITY: Identity = {
  ...{ issuer: "https://id", subject: "ci", username: "https://id#ci", fingerprint: "f1" },
  claims: { repository: ["acme/shop"], ref: ["main"] },
  ...{ said: { repository: "acme/shop", ref: "main" }, job: {} },
  issued: Date.parse("2029-12-31T23:59:00Z"),
  expires: Date.parse("2030-01-01T00:05:00Z"),
};
const TOKENS = [{ issuer: "https://id", claims: [{ claim: "repository", values: ["acme/shop"] }] }];
export const DOOR = "system:serviceaccount:hoop-doorway:hoop-doorway";
export const WISH: Wish = { token: "t", profile: "ci", namespace: "demo" };

/** An exchange that believes whatever `identity` says; `fail`: no token can be made from then on. */
export function world(identity: Partial<Identity> = {}, refusal?: Verification) {
  const [store, clock] = [memoryStore(), new ManualClock()];
  const profile: Profile = {
    ...{ name: "ci", agents: { groups: [], users: [], serviceAccounts: [], extras: {} }, tokens: TOKENS },
    session: sessionTerms(),
  };
  const open = new Map<string, number>();
  const live = new LiveSessions(() => clock.now());
  let made = 0;
  let fails = false;
  const ports: ExchangePorts = {
    ...{ store, clock, installationNamespace: "hoop-system", subjects: perMinute(60, clock) },
    random: { uuid: () => `u${++made}`, suffix: () => `s${made}`, bytes: (count) => new Uint8Array(count) },
    agents: agentMatcher({ ...profile.agents, serviceAccounts: ["work/bot"] }, ""),
    profile: (name) => (name === "ci" ? profile : undefined),
    ...asking(),
    live,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    verifier: {
      verify: async () => refusal ?? { kind: "verified", identity: { ...IDENTITY, ...identity } },
    },
    inTurn: inTurn(),
    doorway: {
      open: async (uid, seconds) => {
        if (fails) throw new Error("no");
        open.set(uid, seconds);
        return { token: `token-${uid}`, username: DOOR, credentialID: `JTI=${uid}` };
      },
      close: async (uid) => void open.delete(uid),
    },
  };
  const fail = () => {
    fails = true;
  };
  return { ports: { ...ports, live }, profile, store, clock, open, fail };
}

/** A session, for a token that must be taken. */
export async function begun(ports: ExchangePorts, wish: Partial<Wish> = {}) {
  const outcome = await exchange(ports, { ...WISH, ...wish });
  if (outcome.kind !== "session") throw new Error(JSON.stringify(outcome));
  return outcome;
}
