/** `POST /token`, as a client sees it. */
import { expect } from "chai";
import express from "express";
import supertest from "supertest";
import { exchange, type Wish } from "#core/exchange/exchange.ts";
import { perMinute } from "#core/exchange/limit.ts";
import { tokenEndpoint } from "#web/exchange.ts";
import { world } from "../../support/exchange-world.ts";

describe("POST /token", () => {
  const FORM = {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    ...{ subject_token: "t", profile: "ci", namespace: "demo" },
  };
  const posted = (form: object | string, ports = world().ports, sources = perMinute(60, ports.clock)) => {
    const revoke = async () => undefined;
    const app = express().use(tokenEndpoint({ exchange: (wish) => exchange(ports, wish), revoke, sources }));
    return supertest(app).post("/token").type("form").send(form);
  };

  it("answers as RFC 8693 says, and nobody keeps the answer", async () => {
    const { status, body, headers } = await posted({ ...FORM, duration: "20m" });
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      ...{ access_token: "token-u1", token_type: "Bearer", expires_in: 1200 },
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      session: {
        ...{ namespace: "demo", name: "ci-s0", phase: "Active", expiresAt: "2030-01-01T00:20:00Z" },
        path: "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions/ci-s0/proxy",
      },
    });
    expect(headers["cache-control"]).to.equal("no-store");
  });

  const bad: [string, object | string, number, string, string][] = [
    ["no grant", { ...FORM, grant_type: "" }, 400, "invalid_request", "grant_type is needed"],
    ["another grant", { ...FORM, grant_type: "password" }, 400, "unsupported_grant_type", "must be"],
    [
      "another kind of token",
      { ...FORM, subject_token_type: "x" },
      400,
      "invalid_request",
      "subject_token_type must",
    ],
    ["no token", { ...FORM, subject_token: "" }, 400, "invalid_request", "subject_token is needed"],
    ["somebody in between", { ...FORM, actor_token: "t" }, 400, "invalid_request", "no actor_token"],
    ["a wish for another token", { ...FORM, requested_token_type: "x" }, 400, "invalid_request", "can be"],
    ["another target", { ...FORM, audience: "api" }, 400, "invalid_target", "sessions alone"],
    ["a scope", { ...FORM, scope: "all" }, 400, "invalid_scope", "no scope"],
    ["two tokens", `${new URLSearchParams(FORM)}&subject_token=u`, 400, "invalid_request", "twice"],
    ["a namespace that is none", { ...FORM, namespace: "../x" }, 400, "invalid_request", "namespace is"],
    ["a profile that is none", { ...FORM, profile: "a/b" }, 400, "invalid_request", "profile is needed"],
    ["no duration", { ...FORM, duration: "long" }, 400, "invalid_request", "duration must be"],
    ["too much", { ...FORM, subject_token: "x".repeat(70_000) }, 413, "invalid_request", "cannot be read"],
    ["a profile that is not his", { ...FORM, profile: "admin" }, 400, "invalid_target", "accepts your token"],
  ];
  for (const [what, form, code, error, why] of bad)
    it(`refuses ${what}`, async () => {
      const { status, body, headers } = await posted(form);
      expect([status, body.error]).to.deep.equal([code, error]);
      expect(body.error_description).to.contain(why);
      expect(headers["cache-control"]).to.equal("no-store");
    });

  it("says to slow down to an address, and to a subject, that asks too often", async () => {
    const { ports } = world();
    const sources = perMinute(1, ports.clock);
    await posted({ ...FORM, grant_type: "" }, ports, sources);
    const { status, body, headers } = await posted(FORM, ports, sources);
    expect([status, body.error, headers["retry-after"]]).to.deep.equal([429, "slow_down", "60"]);
    expect(body.error_description).to.contain("this address");
    const other = { ...ports, subjects: perMinute(1, ports.clock) };
    expect((await posted(FORM, other)).status).to.equal(200);
    const again = await posted(FORM, other);
    expect([again.status, again.body.error]).to.deep.equal([429, "slow_down"]);
    expect(again.body.error_description).to.contain("this subject");
  });

  it("says how it is asked to whoever asks otherwise", async () => {
    const { ports } = world();
    const asking = { exchange: (wish: Wish) => exchange(ports, wish), revoke: async () => undefined };
    const app = express().use(tokenEndpoint({ ...asking, sources: perMinute(60, ports.clock) }));
    const { status, body, headers } = await supertest(app).get("/token");
    expect([status, body.error, headers["allow"]]).to.deep.equal([405, "invalid_request", "POST"]);
    const json = await supertest(app).post("/token").send({ grant_type: "x" });
    expect(json.body.error_description).to.contain("application/x-www-form-urlencoded");
  });

  it("says when to come again", async () => {
    const { ports } = world({}, { kind: "unavailable", why: "the keys cannot be had" });
    const { status, body } = await posted(FORM, ports);
    expect([status, body.error]).to.deep.equal([503, "temporarily_unavailable"]);
  });

  it("shows nothing of itself when it fails", async () => {
    const { ports } = world();
    ports.profile = () => {
      throw new Error("at core/secret.ts");
    };
    const { status, text } = await posted(FORM, ports);
    expect(status).to.equal(503);
    expect(text).to.not.contain("secret.ts");
  });
});
