/** Keys that change, and issuers that are away, slow or wrong: what was right stays right, and nobody is asked without end. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { oidcVerifier } from "#core/exchange/oidc.ts";
import { issuerKeys } from "#web/issuer-keys.ts";
import { trusted } from "../../support/oidc.ts";

type Answer = { code: number; body: string };

/** Time as the fetcher of keys sees it. */
const realNow = Date.now;
let ahead = 0;
const now = () => realNow() + ahead;

async function provider() {
  const keys: object[] = [];
  const asked: string[] = [];
  let answer: ((url: string) => Answer | undefined) | undefined;
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    asked.push(url);
    const usual = JSON.stringify(url === "/keys" ? { keys } : { issuer, jwks_uri: `${issuer}/keys` });
    const { code, body } = answer?.(url) ?? { code: 200, body: usual };
    response
      .writeHead(code, { "content-type": "application/json", location: `${issuer}/elsewhere` })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = trusted(issuer);
  const clock = { now } as never;
  const verifier = oidcVerifier([settings], { clock, keys: issuerKeys(now), skewSeconds: 0 });
  const pair = async () => generateKeyPair("ES256", { extractable: true });
  return {
    asked,
    keys,
    /** A new key, which the issuer serves from now on alone. */
    async rotated(kid: string) {
      const { publicKey, privateKey } = await pair();
      keys.splice(0, keys.length, { ...(await exportJWK(publicKey)), kid, alg: "ES256" });
      return () => {
        const seconds = Math.floor(now() / 1000);
        const claims = { iss: issuer, aud: "hoop", sub: "ci", iat: seconds - 5, exp: seconds + 3600 };
        return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);
      };
    },
    answers(given: typeof answer) {
      answer = given;
    },
    verify: async (token: string) => (await verifier.verify(token)).kind,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const MINUTE = 60_000;

describe("the keys of an issuer that changes or is away", () => {
  let one: Awaited<ReturnType<typeof provider>>;
  before(() => {
    Date.now = now;
  });
  after(() => {
    Date.now = realNow;
  });
  beforeEach(async () => {
    ahead = 0;
    one = await provider();
  });
  afterEach(() => one.close());

  it("are taken anew when another one signs, and the old one is good for no longer than it is served", async () => {
    const first = await one.rotated("a");
    expect(await one.verify(await first())).to.equal("verified");
    const second = await one.rotated("b");
    ahead += MINUTE;
    expect(await one.verify(await second())).to.equal("verified");
    ahead += MINUTE;
    expect(await one.verify(await first())).to.equal("refused");
  });

  it("that are taken back are not believed for longer than ten minutes, whoever asks", async () => {
    const first = await one.rotated("a");
    expect(await one.verify(await first())).to.equal("verified");
    await one.rotated("b");
    ahead += 11 * MINUTE;
    expect(await one.verify(await first())).to.equal("refused");
  });

  const OUTAGES: Readonly<Record<string, (url: string) => Answer | undefined>> = {
    "that has failed": () => ({ code: 500, body: "{}" }),
    "that sends one elsewhere": () => ({ code: 302, body: "" }),
    "that answers no JSON": () => ({ code: 200, body: "<html>" }),
    "that answers no keys": () => ({ code: 200, body: "{}" }),
  };
  for (const [what, answer] of Object.entries(OUTAGES)) {
    it(`of an issuer ${what} make nobody be refused, nor believed`, async () => {
      const sign = await one.rotated("a");
      one.answers(answer);
      expect(await one.verify(await sign())).to.equal("unavailable");
    });

    it(`of an issuer ${what} later on are not asked for by every token that comes`, async () => {
      const sign = await one.rotated("a");
      expect(await one.verify(await sign())).to.equal("verified");
      one.answers((url) => (url === "/keys" ? answer(url) : undefined));
      ahead += 11 * MINUTE;
      const before = one.asked.length;
      for (let time = 0; time < 10; time++) expect(await one.verify(await sign())).to.not.equal("refused");
      expect(one.asked.length - before).to.be.at.most(2);
      one.answers(undefined);
      ahead += MINUTE;
      expect(await one.verify(await sign())).to.equal("verified");
    });
  }
});
