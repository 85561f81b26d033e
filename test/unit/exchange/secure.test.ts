/** The exchange over its own TLS, while the certificate is renewed and many ask: nobody is refused for that. */
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { expect } from "chai";
import { createAuthority, createKey } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import type { Wish } from "#core/exchange/exchange.ts";
import { type Pair, serveSecurely } from "#web/secure.ts";

const AUTHORITY = createAuthority("test");
const KEYS = [createKey(), createKey()];
const NAMES = { dns: ["localhost"], ips: ["127.0.0.1"] };
const FORM = new URLSearchParams({
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  ...{ subject_token: "t", profile: "ci", namespace: "demo" },
}).toString();

function issued(number: number): Pair {
  const { certificate: cert, key } = issueServing(AUTHORITY, NAMES, 1, KEYS[number % KEYS.length]);
  return { cert, key };
}

interface Served {
  port: number;
  look: () => void;
  stop: () => Promise<void>;
}

describe("the exchange over TLS", () => {
  let shown: Pair | Error;
  let failures: unknown[];
  let served: Served;
  /** What the exchange itself waits for. */
  let held: Promise<void> | undefined;
  let reached: (() => void) | undefined;

  beforeEach(async () => {
    failures = [];
    [held, reached] = [undefined, undefined];
    shown = issued(0);
    const exchange = async (_wish: Wish) => {
      reached?.();
      await held;
      return { kind: "refused" as const, error: "invalid_target" as const, why: "as asked" };
    };
    served = await serveSecurely(
      {
        exchange: { exchange, revoke: async () => undefined, sources: { take: () => undefined } },
        pair: async () => {
          if (shown instanceof Error) throw shown;
          return shown;
        },
        failed: (error) => void failures.push(error),
      },
      { host: "127.0.0.1", port: 0 },
    );
  });
  afterEach(() => served.stop());

  /** The serial of the certificate that was shown. */
  async function asked(agent: Agent | false = false): Promise<string> {
    const sent = request({
      ...{ host: "127.0.0.1", port: served.port, path: "/token", method: "POST", agent },
      ...{ ca: AUTHORITY.certificate },
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    sent.end(FORM);
    const [response] = await once(sent, "response");
    const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
    let text = "";
    for await (const chunk of response) text += chunk;
    expect([response.statusCode, JSON.parse(text).error_description]).to.deep.equal([400, "as asked"]);
    return serialNumber;
  }

  /** Until whoever comes anew is shown another one than this. */
  async function another(before: string): Promise<string> {
    for (;;) {
      const serial = await asked();
      if (serial !== before) return serial;
    }
  }

  it("refuses nobody while its certificate changes: who comes, who stays, and who comes again", async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 2 });
    const resuming = new Agent({ keepAlive: false });
    let isOver = false;
    const seen = new Set<string>();
    const client = async (agent: Agent | false) => {
      let times = 0;
      while (!isOver) {
        seen.add(await asked(agent));
        times++;
      }
      return times;
    };
    const clients = [kept, kept, resuming, resuming, false as const, false as const].map(client);
    let serial = await asked();
    for (let number = 1; number <= 5; number++) {
      shown = issued(number);
      served.look();
      serial = await another(serial);
    }
    isOver = true;
    for (const times of await Promise.all(clients)) expect(times).to.be.greaterThan(0);
    expect([...seen]).to.include(serial);
    expect(failures).to.deep.equal([]);
    kept.destroy();
  });

  it("answers what is under way, on the connection that it came by", async () => {
    const before = await asked();
    const { promise, resolve } = Promise.withResolvers<void>();
    const arrived = new Promise<void>((told) => {
      reached = told;
    });
    held = promise;
    const first = asked();
    await arrived;
    shown = issued(1);
    served.look();
    held = undefined;
    await another(before);
    resolve();
    expect(await first).to.equal(before);
  });

  const WRONG: readonly [string, () => Pair | Error][] = [
    ["cannot be read", () => new Error("ENOENT")],
    ["is none", () => ({ cert: "nonsense", key: "nonsense" })],
    ["is of another key, half written", () => ({ cert: issued(0).cert, key: KEYS[1] ?? "" })],
  ];
  for (const [what, pair] of WRONG)
    it(`shows the old one, and says so, where the new one ${what}; and then the one after`, async () => {
      const before = await asked();
      shown = pair();
      served.look();
      while (failures.length === 0) expect(await asked()).to.equal(before);
      expect(await asked()).to.equal(before);
      shown = issued(1);
      served.look();
      await another(before);
      expect(failures).to.have.length(1);
    });
});
