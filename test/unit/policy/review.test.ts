import { expect } from "chai";
import { policy, policyPorts } from "../../support/policies.ts";
import { request } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";

const CREATE = request({
  operation: "CREATE",
  resource: { group: "", version: "v1", resource: "configmaps" },
  kind: { group: "", version: "v1", kind: "ConfigMap" },
  namespace: "demo",
  name: "x",
  object: { metadata: { name: "x", namespace: "demo" } },
  options: null,
});

describe("a review by rules that are only tried", () => {
  const tried = policy({
    rules: [
      { name: "a", action: "Hold", mode: "Warn", message: "ask" },
      { name: "b", action: "Deny", mode: "Warn", message: "no" },
      { name: "c", action: "Deny", mode: "Audit", message: "quietly" },
    ],
  });

  it("allows, tells the client what warns, and records all of it", async () => {
    const world = await World.begin({ policies: policyPorts(undefined, [tried]) });
    const answer = await world.send(CREATE);
    expect(answer).to.deep.include({
      allowed: true,
      warnings: ["hoop: would be held: ask (rule p/a)", "hoop: would be denied: no (rule p/b)"],
    });
    const [entry] = await world.admissions();
    expect(entry).to.deep.include({
      verdict: "allow",
      answer: "allowed",
      rules: [],
      observed: [
        { name: "p/a", message: "ask", action: "Hold", mode: "Warn" },
        { name: "p/b", message: "no", action: "Deny", mode: "Warn" },
        { name: "p/c", message: "quietly", action: "Deny", mode: "Audit" },
      ],
    });
    world.ports.waiters.stop();
  });

  it("warns of ten at most", async () => {
    const rules = Array.from({ length: 12 }, (_, i) => ({
      name: `r${i}`,
      action: "Deny" as const,
      mode: "Warn" as const,
    }));
    const world = await World.begin({ policies: policyPorts(undefined, [policy({ rules })]) });
    expect((await world.send(CREATE))?.warnings).to.have.length(10);
    world.ports.waiters.stop();
  });

  it("says nothing of what is observed where nothing is", async () => {
    const world = await World.begin();
    expect(await world.send(CREATE)).to.deep.include({ allowed: true, warnings: [] });
    const [entry] = await world.admissions();
    expect(entry).not.to.have.property("observed");
    world.ports.waiters.stop();
  });
});
