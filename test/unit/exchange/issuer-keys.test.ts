/** Keys as an issuer serves them: found by discovery, looked for anew when they rotate, and not asked for too often. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { oidcVerifier } from "#core/exchange/oidc.ts";
import { issuerKeys } from "#web/issuer-keys.ts";
import { ManualClock } from "../../support/clock.ts";
import { trusted } from "../../support/oidc.ts";

async function provider(configuration: (issuer: string) => object = () => ({})) {
  const clock = new ManualClock();
  const keys: object[] = [];
  const asked: string[] = [];
  let isDown = false;
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.statusCode = isDown ? 500 : 200;
    response.setHeader("content-type", "application/json");
    const isKeys = request.url === "/keys";
    response.end(
      JSON.stringify(isKeys ? { keys } : { issuer, jwks_uri: `${issuer}/keys`, ...configuration(issuer) }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fetched = issuerKeys(clock.now.bind(clock));
  const verifier = oidcVerifier([trusted(issuer)], { clock, keys: fetched, skewSeconds: 0 });
  const sign = async (kid: string, served = true) => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    if (served) keys.push({ ...(await exportJWK(pair.publicKey)), kid, alg: "ES256" });
    const now = clock.now() / 1000;
    const claims = { iss: issuer, aud: "hoop", sub: "ci", iat: now, exp: now + 3600 };
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid }).sign(pair.privateKey);
  };
  const verify = async (token: string) => (await verifier.verify(token)).kind;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  const down = (value: boolean) => {
    isDown = value;
  };
  return { clock, asked, sign, verify, close, down };
}

describe("the keys of an issuer", () => {
  let one: Awaited<ReturnType<typeof provider>>;
  afterEach(() => one.close());

  it("are found where it says, once", async () => {
    one = await provider();
    const token = await one.sign("a");
    expect([await one.verify(token), await one.verify(token)]).to.deep.equal(["verified", "verified"]);
    expect(one.asked).to.deep.equal(["/.well-known/openid-configuration", "/keys"]);
  });

  it("are not asked for again and again by tokens of keys that are not there", async () => {
    one = await provider();
    expect(await one.verify(await one.sign("a"))).to.equal("verified");
    for (const kid of ["b", "c", "d"])
      expect(await one.verify(await one.sign(kid, false))).to.equal("refused");
    expect(one.asked).to.have.length(2);
  });

  it("are not asked for too often where it does not answer, and then are", async () => {
    one = await provider();
    const token = await one.sign("a");
    one.down(true);
    for (let time = 0; time < 3; time++) expect(await one.verify(token)).to.equal("unavailable");
    expect(one.asked).to.have.length(1);
    one.down(false);
    one.clock.advance(30_000);
    expect(await one.verify(token)).to.equal("verified");
  });

  const wrong = {
    "of another issuer": () => ({ issuer: "https://other" }),
    "without keys": () => ({ jwks_uri: undefined }),
    "by a way that is no way for keys": () => ({ jwks_uri: "file:///etc/keys" }),
  };
  for (const [what, configuration] of Object.entries(wrong))
    it(`are not taken from a configuration ${what}`, async () => {
      one = await provider(configuration);
      expect(await one.verify(await one.sign("a"))).to.equal("unavailable");
      expect(one.asked).to.deep.equal(["/.well-known/openid-configuration"]);
    });
});
