/** What a hostile or careless holder of tokens may try; each must be refused, by the right one of many checks. */
import { createHmac } from "node:crypto";
import { expect } from "chai";
import { createLocalJWKSet, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { type Issuer, oidcVerifier } from "#core/exchange/oidc.ts";
import { CLAIMS, clock, ISSUER, NOW } from "../../support/oidc.ts";

const rsa = await generateKeyPair("RS256", { extractable: true });
const stranger = await generateKeyPair("RS256");
const keySet = createLocalJWKSet({
  keys: [{ ...(await exportJWK(rsa.publicKey)), kid: "one", alg: "RS256", use: "sig" }],
});

function signed(claims: JWTPayload, header: object = {}, key = rsa.privateKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "one", ...header }).sign(key);
}

const verifier = (issuer: Partial<Issuer> = {}, keys = keySet) =>
  oidcVerifier([{ ...ISSUER, ...issuer }], { clock, keys: () => keys, skewSeconds: 30 });

const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function refusal(token: string | Promise<string>, issuer: Partial<Issuer> = {}): Promise<string> {
  const outcome = await verifier(issuer).verify(await token);
  return outcome.kind === "refused" ? outcome.why : outcome.kind;
}

describe("an OpenID Connect token", () => {
  it("says who it is, and what may be asked of him", async () => {
    const claims = { ...CLAIMS, repository: "acme/shop", groups: ["a", "b"], run: 7, nested: { x: 1 } };
    const outcome = await verifier().verify(await signed(claims));
    if (outcome.kind !== "verified") throw new Error(JSON.stringify(outcome));
    const { fingerprint, ...identity } = outcome.identity;
    expect(fingerprint).to.match(/^[0-9a-f]{64}$/);
    expect(identity).to.deep.equal({
      ...{ issuer: ISSUER.issuer, subject: CLAIMS.sub, username: "https://id.example#ci" },
      ...{ issued: CLAIMS.iat * 1000, expires: CLAIMS.exp * 1000 },
      claims: { sub: [CLAIMS.sub], repository: ["acme/shop"], groups: ["a", "b"], run: ["7"], nested: [] },
      said: { sub: CLAIMS.sub, repository: "acme/shop", groups: ["a", "b"], run: 7, nested: { x: 1 } },
      job: {},
    });
  });

  it("says which job it is of, by the claims that are named for that", async () => {
    const token = await signed({ ...CLAIMS, run_id: "1", run_attempt: 2, ref: "main" });
    const outcome = await verifier({ jobClaims: ["run_id", "run_attempt", "job_id"] }).verify(token);
    expect(outcome)
      .to.have.nested.property("identity.job")
      .deep.equal({ run_id: ["1"], run_attempt: ["2"] });
  });

  const fine: [string, JWTPayload, Partial<Issuer>, object?][] = [
    ["of a clock that goes a little wrong", { ...CLAIMS, iat: NOW + 20, nbf: NOW + 20 }, {}],
    ["that has just expired, by that clock", { ...CLAIMS, exp: NOW - 20 }, {}],
    ["for several, issued to us", { ...CLAIMS, aud: ["other", "hoop"], azp: "hoop" }, {}],
    ["issued to a client that is named", { ...CLAIMS, azp: "cli" }, { authorizedParties: ["cli"] }],
    ["that is an access token", CLAIMS, {}, { typ: "at+jwt" }],
  ];
  for (const [what, claims, issuer, header] of fine)
    it(`is believed ${what}`, async () => {
      const outcome = await verifier(issuer).verify(await signed(claims, header));
      expect(outcome.kind, JSON.stringify(outcome)).to.equal("verified");
    });

  const wrong: [string, JWTPayload, string, Partial<Issuer>?][] = [
    ["of another issuer", { ...CLAIMS, iss: "https://evil.example" }, "issuer is none"],
    ["whose issuer only looks the same", { ...CLAIMS, iss: "https://id.example/" }, "issuer is none"],
    ["without issuer", { aud: "hoop", sub: "x", iat: NOW, exp: NOW + 300 }, "issuer is none"],
    ["for another audience", { ...CLAIMS, aud: "other" }, "its aud is not right"],
    ["for no audience", { ...CLAIMS, aud: [] }, "its aud is not right"],
    ["for several, issued to another", { ...CLAIMS, aud: ["hoop", "x"], azp: "x" }, "(azp)"],
    ["for several, issued to nobody", { ...CLAIMS, aud: ["hoop", "x"] }, "(azp)"],
    ["issued to another client", { ...CLAIMS, azp: "other" }, "(azp)", { authorizedParties: ["cli"] }],
    ["issued to no client", CLAIMS, "(azp)", { authorizedParties: ["cli"] }],
    ["that has expired", { ...CLAIMS, exp: NOW - 31 }, "it has expired"],
    ["that never expires", { iss: ISSUER.issuer, aud: "hoop", sub: "x", iat: NOW }, "its exp is not right"],
    ["that is not valid yet", { ...CLAIMS, nbf: NOW + 40 }, "its nbf is not right"],
    ["of the future", { ...CLAIMS, iat: NOW + 40 }, "issued in the future"],
    [
      "that does not say since when",
      { iss: ISSUER.issuer, aud: "hoop", sub: "x", exp: NOW + 9 },
      "its iat is",
    ],
    ["of nobody", { ...CLAIMS, sub: "" }, "names nobody"],
    ["with a group of Kubernetes' own", { ...CLAIMS, groups: ["dev", "system:masters"] }, "(system:)"],
    ["with such a group in other letters", { ...CLAIMS, groups: [" System:Masters"] }, "(system:)"],
    ["with such a group further in", { ...CLAIMS, groups: [["system:masters"]] }, "(system:)"],
    [
      "with a name of Kubernetes' own",
      { ...CLAIMS, sub: "admin" },
      "(system:)",
      { usernamePrefix: "system:" },
    ],
  ];
  for (const [what, claims, why, issuer] of wrong)
    it(`is refused ${what}`, async () => {
      expect(await refusal(signed(claims), issuer)).to.contain(why);
    });

  it("is refused without a signature, whatever it says of that", async () => {
    for (const alg of ["none", "None", "NONE", ""])
      expect(await refusal(`${base64({ alg, kid: "one" })}.${base64(CLAIMS)}.`)).to.not.equal("verified");
    const [header, payload] = (await signed(CLAIMS)).split(".");
    expect(await refusal(`${header}.${payload}.`)).to.contain("signature is wrong");
  });

  it("is refused where the public key was taken for a shared one", async () => {
    const secret = await exportSPKI(rsa.publicKey);
    const unsigned = `${base64({ alg: "HS256", kid: "one" })}.${base64(CLAIMS)}`;
    const signature = createHmac("sha256", secret).update(unsigned).digest("base64url");
    expect(await refusal(`${unsigned}.${signature}`)).to.contain("algorithm is none of those");
  });

  it("is refused with a key of its own, however it brings it", async () => {
    const jwk = await exportJWK(stranger.publicKey);
    for (const header of [{}, { jwk }, { jku: "https://evil.example/keys" }, { x5u: "https://evil.example" }])
      expect(await refusal(signed(CLAIMS, header, stranger.privateKey))).to.contain("signature is wrong");
    expect(await refusal(signed(CLAIMS, { kid: "two" }))).to.contain("no key of its issuer");
  });

  it("is refused by an algorithm that is not allowed, though its key is right", async () => {
    expect(await refusal(signed(CLAIMS), { algorithms: ["ES256"] })).to.contain("algorithm is none of those");
  });

  it("is refused where it is something else that its issuer has signed", async () => {
    for (const typ of ["logout+jwt", "dpop+jwt", "secevent+jwt"])
      expect(await refusal(signed(CLAIMS, { typ }))).to.contain("another kind of token");
  });

  it("is refused where it was changed", async () => {
    const [header, , signature] = (await signed(CLAIMS)).split(".");
    const changed = base64({ ...CLAIMS, sub: "root" });
    expect(await refusal(`${header}.${changed}.${signature}`)).to.contain("signature is wrong");
  });

  it("is refused where it is none, or too long", async () => {
    for (const text of ["", "a.b.c", "x".repeat(20_000), "..", `${base64({ alg: "RS256" })}.e30.AA`])
      expect(await refusal(text)).to.match(/is no JWT|issuer is none|too long/);
  });

  it("vouches for an address only where the issuer has verified it", async () => {
    const email = "boss@acme.example";
    for (const [verified, shown] of [
      [true, [email]],
      [false, undefined],
      ["true", undefined],
      [undefined, undefined],
    ]) {
      const token = await signed({ ...CLAIMS, email, email_verified: verified });
      const outcome = await verifier().verify(token);
      if (outcome.kind !== "verified") throw new Error(JSON.stringify(outcome));
      expect(outcome.identity.claims["email"]).to.deep.equal(shown);
    }
  });

  it("is the same token however its signature is written", async () => {
    const token = await signed(CLAIMS);
    const identify = async (text: string) => {
      const outcome = await verifier().verify(text);
      return outcome.kind === "verified" ? outcome.identity.fingerprint : outcome.kind;
    };
    expect(await identify(`${token}=`)).to.be.oneOf([await identify(token), "refused"]);
    expect(await identify(await signed({ ...CLAIMS, jti: "2" }))).to.not.equal(await identify(token));
  });

  it("is not refused, but asked for again, where the keys cannot be had", async () => {
    const failing = (async () => {
      throw new Error("ECONNREFUSED");
    }) as unknown as typeof keySet;
    expect((await verifier({}, failing).verify(await signed(CLAIMS))).kind).to.equal("unavailable");
  });
});
