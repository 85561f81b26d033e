import { expect } from "chai";
import { startTestbed, type Testbed } from "../support/testbed.ts";

describe("the main job", () => {
  let bed: Testbed;

  before(async () => {
    bed = await startTestbed();
  });

  after(() => bed?.stop());

  it("an agent's kubectl waits until a person approves, then finishes", async () => {
    await bed.must("human", ["create", "namespace", "prod"]);
    const blocked = bed.start("agent", ["delete", "namespace", "prod", "--wait=false"]);
    const approval = await bed.pending("prod");
    expect(blocked.over()).to.equal(false);
    expect(approval.metadata.namespace).to.equal("hoop-system");
    expect((await bed.decide(approval, "Approve", "CHG-12")).output).to.contain("patched");
    const { code, output } = await blocked.ended;
    expect(output).to.contain('namespace "prod" deleted');
    expect(code).to.equal(0);
  });
});
