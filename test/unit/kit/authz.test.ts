import { expect } from "chai";
import type { Authenticated } from "#kit/authn.ts";
import { type AccessReviewSpec, delegatedAuthorization } from "#kit/authz.ts";
import { parseRequestInfo } from "#kit/request-info.ts";

const PATH = "/apis/hoop.dev/v1alpha1/namespaces/a/approvals";

function caller(username: string, groups: string[] = [], frontProxied = true): Authenticated {
  const extra = new Map([["scopes", ["x"]]]);
  return { outcome: "authenticated", caller: { username, uid: "u", groups, extra }, frontProxied };
}

function reviewing(allowed: boolean) {
  const asked: AccessReviewSpec[] = [];
  const authorize = delegatedAuthorization(async (spec) => {
    asked.push(spec);
    return { allowed, reason: "says RBAC" };
  });
  return { asked, authorize };
}

describe("delegated authorization", () => {
  it("asks the API server with everything that it could decide by", async () => {
    const { asked, authorize } = reviewing(true);
    const url = `${PATH}?watch=1&labelSelector=a%3Db,!c,d%3E5&fieldSelector=status.phase!%3DUsed`;
    expect(await authorize(caller("ann", ["devs"]), parseRequestInfo("GET", url))).to.deep.equal({
      allowed: true,
    });
    expect(asked).to.deep.equal([
      {
        ...{ user: "ann", uid: "u", groups: ["devs"], extra: { scopes: ["x"] } },
        resourceAttributes: {
          ...{ namespace: "a", verb: "watch", group: "hoop.dev", version: "v1alpha1" },
          ...{ resource: "approvals", subresource: "", name: "" },
          fieldSelector: { requirements: [{ key: "status.phase", operator: "NotIn", values: ["Used"] }] },
          labelSelector: {
            requirements: [
              { key: "a", operator: "In", values: ["b"] },
              { key: "c", operator: "DoesNotExist" },
            ],
          },
        },
      },
    ]);
  });

  it("asks about paths too, where the caller came directly", async () => {
    const { asked, authorize } = reviewing(false);
    const answer = await authorize(caller("ann", [], false), parseRequestInfo("GET", "/openapi/v2"));
    expect(answer).to.deep.equal({ allowed: false, reason: "says RBAC" });
    expect(asked[0]?.nonResourceAttributes).to.deep.equal({ path: "/openapi/v2", verb: "get" });
  });

  const unasked: Record<string, [who: Authenticated, method: string, url: string]> = {
    "a member of system:masters": [caller("root", ["system:masters"]), "GET", PATH],
    "anybody's look at health": [caller("ann", [], false), "GET", "/readyz"],
    "discovery through the front proxy": [caller("system:aggregator"), "GET", "/apis"],
    "OpenAPI through the front proxy": [caller("system:aggregator"), "GET", "/openapi/v2"],
  };
  for (const [name, [who, method, url]] of Object.entries(unasked)) {
    it(`allows ${name} without asking`, async () => {
      const { asked, authorize } = reviewing(false);
      expect(await authorize(who, parseRequestInfo(method, url))).to.deep.equal({ allowed: true });
      expect(asked).to.deep.equal([]);
    });
  }

  for (const allowed of [true, false]) {
    it(`asks once for the same ${allowed ? "permission" : "denial"}, and anew for anything else`, async () => {
      const { asked, authorize } = reviewing(allowed);
      const get = parseRequestInfo("GET", `${PATH}/x`);
      await authorize(caller("ann"), get);
      await authorize(caller("ann"), get);
      expect(asked).to.have.length(1);
      await authorize(caller("ann"), parseRequestInfo("PATCH", `${PATH}/x`));
      await authorize(caller("ann", ["devs"]), get);
      await authorize(caller("bob"), get);
      expect(asked).to.have.length(4);
    });
  }

  it("keeps no answer whose question is huge", async () => {
    const { asked, authorize } = reviewing(true);
    const info = parseRequestInfo("GET", `${PATH}?labelSelector=${"a,".repeat(5000)}a`);
    await authorize(caller("ann"), info);
    await authorize(caller("ann"), info);
    expect(asked).to.have.length(2);
  });

  it("asks once for a user in hundreds of groups, too", async () => {
    const { asked, authorize } = reviewing(true);
    const groups = Array.from({ length: 300 }, (_, at) => `group-${at}-${"x".repeat(60)}`);
    const info = parseRequestInfo("GET", `${PATH}/x`);
    await authorize(caller("ann", groups), info);
    await authorize(caller("ann", [...groups]), info);
    expect(asked).to.have.length(1);
  });

  it("asks once for what many ask at the same time", async () => {
    const { asked, authorize } = reviewing(true);
    const info = parseRequestInfo("GET", `${PATH}/x`);
    await Promise.all(Array.from({ length: 20 }, () => authorize(caller("ann"), info)));
    expect(asked).to.have.length(1);
  });

  it("rejects when the API server cannot be asked, and asks again the next time", async () => {
    let calls = 0;
    const authorize = delegatedAuthorization(async () => {
      calls++;
      throw new Error("unreachable");
    });
    for (const _ of [1, 2]) {
      const outcome = await authorize(caller("ann"), parseRequestInfo("GET", PATH)).catch(
        (error: unknown) => error,
      );
      expect(outcome).to.be.instanceOf(Error);
    }
    expect(calls).to.equal(2);
  });
});
