/** Tokens as somebody makes them who wants to be taken for somebody else: of forms that a verifier might stumble over. */
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { expect } from "chai";
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
} from "jose";
import { kept, matches } from "#core/exchange/match.ts";
import { type Issuer, oidcVerifier } from "#core/exchange/oidc.ts";
import type { Verification } from "#core/exchange/verifier.ts";
import { CLAIMS, clock, ISSUER, NOW, trusted } from "../../support/oidc.ts";

const OTHER = trusted("https://other.example");

const [rsa, other, curve] = await Promise.all([
  generateKeyPair("RS256", { extractable: true }),
  generateKeyPair("RS256", { extractable: true }),
  generateKeyPair("ES256", { extractable: true }),
]);
const jwk = async (key: typeof rsa.publicKey, more: object): Promise<JWK> => ({
  ...(await exportJWK(key)),
  ...more,
});
const OWN_KEYS = { keys: [await jwk(rsa.publicKey, { kid: "one", alg: "RS256", use: "sig" })] };
const OTHER_KEYS = { keys: [await jwk(other.publicKey, { kid: "one", alg: "RS256", use: "sig" })] };

const base64 = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** With any header and payload, also such as no library would write. */
function forged(header: unknown, payload: unknown, key = rsa.privateKey): Promise<string> {
  const unsigned = `${base64(header)}.${base64(payload)}`;
  return crypto.subtle
    .sign("RSASSA-PKCS1-v1_5", key, Buffer.from(unsigned))
    .then((signature) => `${unsigned}.${Buffer.from(signature).toString("base64url")}`);
}

const HEADER = { alg: "RS256", kid: "one" };

function verify(
  token: string,
  keys: JSONWebKeySet = OWN_KEYS,
  issuer: Partial<Issuer> = {},
): Promise<Verification> {
  const set = { [ISSUER.issuer]: createLocalJWKSet(keys), [OTHER.issuer]: createLocalJWKSet(OTHER_KEYS) };
  const ports = {
    clock,
    keys: ({ issuer: name }: Issuer) => set[name] ?? createLocalJWKSet(OWN_KEYS),
    skewSeconds: 30,
  };
  return oidcVerifier([{ ...ISSUER, ...issuer }, OTHER], ports as never).verify(token);
}

const kindOf = async (token: string | Promise<string>, ...rest: [JSONWebKeySet?, Partial<Issuer>?]) =>
  (await verify(await token, ...rest)).kind;

describe("a token that somebody has made to be taken for another's", () => {
  it("would be believed if it were right", async () => {
    expect(await kindOf(forged(HEADER, CLAIMS))).to.equal("verified");
  });

  describe("is refused by its header:", () => {
    const HEADERS: Readonly<Record<string, unknown>> = {
      "no algorithm": { kid: "one" },
      "an algorithm that is a list": { alg: ["RS256"], kid: "one" },
      "an algorithm in other letters": { alg: "rs256", kid: "one" },
      "another family's algorithm": { alg: "ES256", kid: "one" },
      "another padding": { alg: "PS256", kid: "one" },
      "an extension that it says is critical": { ...HEADER, crit: ["exp"], exp: NOW },
      "an unknown extension that it says is critical": { ...HEADER, crit: ["x"], x: 1 },
      "nothing critical at all": { ...HEADER, crit: [] },
      "a payload that is not encoded": { ...HEADER, crit: ["b64"], b64: false },
      "the name of a file as its key": { ...HEADER, kid: "../../../../dev/null" },
      "a query as its key": { ...HEADER, kid: "x' UNION SELECT 'key" },
      "a key that every object has": { ...HEADER, kid: "__proto__" },
      "a kind of token that it is not": { ...HEADER, typ: "logout+jwt" },
      "a kind that is none": { ...HEADER, typ: { toString: "JWT" } },
      "something that is no object": [HEADER],
      nothing: null,
    };
    for (const [what, header] of Object.entries(HEADERS))
      it(what, async () => {
        expect(await kindOf(forged(header, CLAIMS))).to.equal("refused");
      });

    const BRINGS: Readonly<Record<string, (own: JWK) => object>> = {
      "its own key": (own) => ({ jwk: own }),
      "where its keys are": () => ({ jku: "https://evil.example/keys" }),
      "where its certificate is": () => ({ x5u: "https://evil.example/cert" }),
      "a certificate": () => ({ x5c: ["MIIB"], x5t: "x" }),
    };
    for (const [what, brought] of Object.entries(BRINGS))
      it(`bringing ${what}`, async () => {
        const own = await exportJWK(other.publicKey);
        for (const kid of ["one", "two", undefined])
          expect(
            await kindOf(forged({ ...HEADER, kid, ...brought(own) }, CLAIMS, other.privateKey)),
          ).to.equal("refused");
      });
  });

  describe("is refused by its form:", () => {
    const FORMS: Readonly<Record<string, (token: string) => string>> = {
      "without signature": (token) => token.slice(0, token.lastIndexOf(".") + 1),
      "with two signatures": (token) => `${token}.${token.split(".")[2]}`,
      "as one of those that are encrypted": (token) => `${token}.AA.AA`,
      "in JSON": (token) => {
        const [header, payload, signature] = token.split(".");
        return JSON.stringify({ protected: header, payload, signature });
      },
      "in general JSON": (token) => {
        const [header, payload, signature] = token.split(".");
        return JSON.stringify({ payload, signatures: [{ protected: header, signature }] });
      },
      "with a payload in other words": (token) => {
        const [header, , signature] = token.split(".");
        return `${header}.${base64({ ...CLAIMS, sub: "root" })}.${signature}`;
      },
      "with a header in other words": (token) => {
        const [, payload, signature] = token.split(".");
        return `${base64({ ...HEADER, x: 1 })}.${payload}.${signature}`;
      },
    };
    for (const [what, form] of Object.entries(FORMS))
      it(what, async () => {
        expect(await kindOf(form(await forged(HEADER, CLAIMS)))).to.equal("refused");
      });

    it("signed with a key that its issuer's public key makes a shared one", async () => {
      const pem = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
      const shapes = [
        pem.export({ format: "pem", type: "spki" }),
        JSON.stringify(OWN_KEYS.keys[0]),
        OWN_KEYS.keys[0]?.n ?? "",
      ];
      for (const alg of ["HS256", "HS384", "HS512"])
        for (const shape of shapes) {
          const unsigned = `${base64({ alg, kid: "one" })}.${base64(CLAIMS)}`;
          const hash = `sha${alg.slice(2)}`;
          const signature = createHmac(hash, shape).update(unsigned).digest("base64url");
          expect(await kindOf(`${unsigned}.${signature}`)).to.equal("refused");
        }
    });

    it("holding another token that is right", async () => {
      const inner = await forged(HEADER, CLAIMS);
      for (const header of [{ ...HEADER, cty: "JWT" }, HEADER]) {
        expect(await kindOf(forged(header, inner))).to.equal("refused");
        expect(await kindOf(forged(header, JSON.stringify(inner)))).to.equal("refused");
      }
      expect(await kindOf(forged({ alg: "none", cty: "JWT" }, inner))).to.equal("refused");
    });

    it("too large, too deep, or of nothing", async () => {
      expect(await kindOf(forged(HEADER, { ...CLAIMS, x: "y".repeat(20_000) }))).to.equal("refused");
      const deep = `{"iss":"${ISSUER.issuer}","aud":"hoop","sub":"ci","iat":${NOW},"exp":${NOW + 300},"x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
      expect(await kindOf(forged(HEADER, deep))).to.equal("refused");
      for (const payload of ["", "null", "7", "[]", '"x"'])
        expect(await kindOf(forged(HEADER, payload))).to.equal("refused");
    });
  });

  describe("is refused by its issuer's keys:", () => {
    it("another issuer's key, though that is trusted as well", async () => {
      expect(await kindOf(forged(HEADER, { ...CLAIMS, iss: OTHER.issuer }, other.privateKey))).to.equal(
        "verified",
      );
      expect(await kindOf(forged(HEADER, CLAIMS, other.privateKey))).to.equal("refused");
      expect(await kindOf(forged(HEADER, { ...CLAIMS, iss: OTHER.issuer }))).to.equal("refused");
    });

    it("a key that is for something else", async () => {
      const keys = { keys: [await jwk(rsa.publicKey, { kid: "one", alg: "RSA-OAEP", use: "enc" })] };
      expect(await kindOf(forged(HEADER, CLAIMS), keys)).to.equal("refused");
    });

    it("a shared key among them", async () => {
      const keys = { keys: [{ kty: "oct", k: base64("shared"), kid: "one" }] };
      const unsigned = `${base64({ alg: "HS256", kid: "one" })}.${base64(CLAIMS)}`;
      const signature = createHmac("sha256", "shared").update(unsigned).digest("base64url");
      expect(await kindOf(`${unsigned}.${signature}`, keys)).to.equal("refused");
    });

    it("a key that is too short", async () => {
      const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
      const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", alg: "RS256" } as JWK] };
      const unsigned = `${base64(HEADER)}.${base64(CLAIMS)}`;
      const signature = createSign("RSA-SHA256").update(unsigned).sign(privateKey, "base64url");
      expect(await kindOf(`${unsigned}.${signature}`, keys)).to.not.equal("verified");
    });

    it("a key of another kind than the token says", async () => {
      const keys = { keys: [await jwk(curve.publicKey, { kid: "one" })] };
      expect(await kindOf(forged(HEADER, CLAIMS), keys)).to.equal("refused");
    });

    it("two that may both be meant", async () => {
      const keys = { keys: [...OWN_KEYS.keys, ...OTHER_KEYS.keys].map(({ kid: _, ...key }) => key) };
      expect(await kindOf(forged({ alg: "RS256" }, CLAIMS), keys)).to.equal("refused");
    });
  });

  describe("is refused by what it says:", () => {
    const PAYLOADS: Readonly<Record<string, object>> = {
      "an end that is a text": { exp: String(NOW + 300) },
      "an end beyond all numbers": { exp: null },
      "a beginning that is a text": { nbf: "yesterday" },
      "an issuing that is a text": { iat: "today" },
      "issued in the future": { iat: NOW + 3_000 },
      "not valid yet": { nbf: NOW + 3_000 },
      ended: { exp: NOW - 3_000 },
      "an issuer that is a list": { iss: [ISSUER.issuer] },
      "an issuer with a slash more": { iss: `${ISSUER.issuer}/` },
      "an issuer in other letters": { iss: "https://ID.example" },
      "an audience in other letters": { aud: "Hoop" },
      "an audience within a list in a list": { aud: [["hoop"]] },
      "an audience that is an object": { aud: { hoop: true } },
      "no audience": { aud: undefined },
      "a subject that is a list": { sub: ["ci"] },
      "a subject that is a number": { sub: 7 },
      "a name of Kubernetes' own": { preferred_username: "system:admin" },
      "a group of Kubernetes' own": { groups: ["system:masters"] },
      "such a group, alone": { groups: "system:masters" },
      "such a group, further in": { groups: [[["SYSTEM:masters"]]] },
      "such a group behind a blank": { groups: ["\u00a0system:masters", "\tsystem:nodes"] },
    };
    for (const [what, said] of Object.entries(PAYLOADS))
      it(what, async () => {
        expect(await kindOf(forged(HEADER, { ...CLAIMS, ...said }))).to.equal("refused");
      });

    it("a client that is not the one that it was issued to", async () => {
      for (const azp of ["other", ["hoop"], null, 7, { hoop: 1 }])
        expect(await kindOf(forged(HEADER, { ...CLAIMS, aud: ["hoop", "x"], azp }))).to.equal("refused");
    });
  });

  describe("says no more than its issuer has vouched for:", () => {
    async function identityOf(claims: JWTPayload | string) {
      const outcome = await verify(await forged(HEADER, claims));
      if (outcome.kind !== "verified") throw new Error(JSON.stringify(outcome));
      return outcome.identity;
    }
    const asks = (claim: string, ...values: string[]) => [
      { issuer: ISSUER.issuer, claims: [{ claim, values }] },
    ];

    it("the last of members that come twice, and that alone", async () => {
      const text = JSON.stringify({ ...CLAIMS, role: "guest" }).replace('"role"', '"role":"admin","role"');
      const { claims } = await identityOf(text);
      expect(claims["role"]).to.deep.equal(["guest"]);
    });

    it("no address that is not verified, however that is written", async () => {
      for (const email_verified of [false, "true", 1, null, [true], undefined]) {
        const identity = await identityOf({ ...CLAIMS, email: "boss@acme.example", email_verified });
        expect(
          matches(asks("email", "boss@acme.example"), kept(asks("email", "boss@acme.example"), identity)),
        ).to.equal(false);
        expect(JSON.stringify(identity)).to.not.contain("boss@");
      }
    });

    it("no groups where there are too many to tell, and the token says where to ask", async () => {
      const overage = {
        _claim_names: { groups: "src1" },
        _claim_sources: { src1: { endpoint: "https://evil.example" } },
      };
      const identity = await identityOf({ ...CLAIMS, ...overage, hasgroups: true });
      expect(
        matches(asks("groups", "src1", "admins"), kept(asks("groups", "src1", "admins"), identity)),
      ).to.equal(false);
    });

    it("nothing by the names that every object has", async () => {
      const identity = await identityOf(
        JSON.stringify(CLAIMS).replace("{", '{"__proto__":{"role":"admin"},'),
      );
      for (const claim of ["role", "constructor", "toString", "hasOwnProperty"])
        expect(matches(asks(claim, "admin", ""), kept(asks(claim, "admin", ""), identity)), claim).to.equal(
          false,
        );
    });

    it("nothing by a profile that asks nothing, or of another issuer", async () => {
      const identity = await identityOf(CLAIMS);
      const nothing = [{ issuer: ISSUER.issuer, claims: [] }];
      const others = [{ issuer: OTHER.issuer, claims: [{ claim: "sub", values: ["ci"] }] }];
      for (const tokens of [nothing, others]) expect(matches(tokens, kept(tokens, identity))).to.equal(false);
      expect(matches(asks("sub", "ci"), kept(asks("sub", "ci"), identity))).to.equal(true);
    });

    it("a name that is its issuer's, whatever is in it", async () => {
      for (const sub of ["admin", "https://other.example#ci", "x\nsystem:masters"])
        expect((await identityOf({ ...CLAIMS, sub })).username).to.equal(`${ISSUER.usernamePrefix}${sub}`);
    });
  });

  it("is told nothing of what it holds, nor of ours", async () => {
    const tokens = [
      await forged(HEADER, { ...CLAIMS, aud: "secret-audience", sub: "secret-sub" }),
      await forged({ ...HEADER, kid: "secret-kid" }, CLAIMS),
      await forged(HEADER, { ...CLAIMS, iss: "https://secret.example" }),
      "secret.secret.secret",
    ];
    for (const token of tokens) {
      const outcome = await verify(token);
      expect(outcome.kind).to.equal("refused");
      expect(JSON.stringify(outcome)).to.not.match(/secret|hoop|id\.example/);
    }
  });
});
