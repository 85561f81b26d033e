/** Records, searched by an unmodified kubectl and by the plugin. */
import { expect } from "chai";
import { hoop } from "../support/plugin.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

interface Listed {
  items: {
    metadata: { name: string; namespace: string };
    spec: { target?: { name?: string }; answer?: string };
  }[];
}

describe("searching records on a real cluster", () => {
  let bed: Testbed;
  /** The time between the writes of `early-…` and those that follow. */
  let between: string;
  before(async () => {
    bed = await startTestbed();
    const make = (name: string, namespace: string, text: string) =>
      bed.must("agent", ["create", "configmap", name, "-n", namespace, `--from-literal=text=${text}`]);
    await make("early-1", "demo", "nginx 1.25");
    const [last] = (await listed("human", "newest=1")).items;
    expect(last?.spec.target?.name).to.equal("early-1");
    between = new Date().toISOString();
    await make("late-1", "demo", "Grüße an nginx 1.26");
    await make("late-2", "default", "nginx 1.27");
  });
  after(() => bed?.stop());

  const listed = async (who: Who, fieldSelector: string, where = ["-A"], ...more: string[]) =>
    JSON.parse(
      await bed.must(who, [
        "get",
        "records",
        ...where,
        `--field-selector=${fieldSelector}`,
        "-o",
        "json",
        ...more,
      ]),
    ) as Listed;
  const targets = async (...asked: Parameters<typeof listed>) =>
    (await listed(...asked)).items.map(({ spec }) => spec.target?.name ?? "").join(" ");

  it("selects by what is asked for, through the API server", async () => {
    for (const [selector, found] of [
      ["text=nginx", "early-1 late-1 late-2"],
      ["text=GRÜSSE", ""],
      ["text=grüße", "late-1"],
      ['text="nginx 1.2"*', "early-1 late-1 late-2"],
      ["text=nginx,namespace=demo", "early-1 late-1"],
      ["text=1.27 nginx", "late-2"],
      [`resource=configmaps,since=${between}`, "late-1 late-2"],
      [`resource=configmaps,until=${between}`, "early-1"],
      ["resource=configmaps,answer!=allowed", ""],
      ["resource=configmaps,newest=2", "late-1 late-2"],
    ] as const)
      expect(await targets("human", selector), selector).to.equal(found);
  });

  it("gives the same page by page", async () => {
    expect(await targets("human", "text=nginx", ["-A"], "--chunk-size=1")).to.equal("early-1 late-1 late-2");
  });

  it("says what is wrong with a selector", async () => {
    for (const [selector, why] of [
      ["since=yesterday", "since: a time such as"],
      ["text=---", "text: there is no word in it"],
      ["nothing=1", "field label not supported: nothing"],
    ] as const) {
      const { code, output } = await bed.kubectl("human", [
        "get",
        "records",
        "-A",
        `--field-selector=${selector}`,
      ]);
      expect(code).to.equal(1);
      expect(output).to.contain(why);
    }
  });

  it("finds nothing of other namespaces for who may look in one", async () => {
    await bed.must("human", [
      "create",
      "role",
      "reads-records",
      "-n",
      "demo",
      "--verb=list",
      "--resource=records.hoop.dev",
    ]);
    await bed.must("human", [
      "create",
      "rolebinding",
      "reads-records",
      "-n",
      "demo",
      "--role=reads-records",
      "--user=carol",
    ]);
    expect(await targets("human", "text=nginx", ["-n", "demo"], "--as=carol")).to.equal("early-1 late-1");
    const elsewhere = await bed.kubectl("human", [
      "get",
      "records",
      "-A",
      "--field-selector=text=nginx",
      "--as=carol",
    ]);
    expect(elsewhere.output).to.contain("Forbidden");
  });

  it("finds an agent's own for the agent", async () => {
    await bed.must("human", [
      "create",
      "clusterrolebinding",
      "others",
      "--clusterrole=cluster-admin",
      "--user=other",
    ]);
    expect(await targets("agent", "text=nginx", ["-n", "demo"])).to.equal("early-1 late-1");
  });

  it("is what kubectl hoop records does", async () => {
    const search = async (...args: string[]) => {
      const { code, stdout, output } = await hoop(bed, "human", ["records", ...args, "-o", "json"]);
      expect(code, output).to.equal(0);
      return (JSON.parse(stdout) as Listed).items.map(({ spec }) => spec.target?.name ?? "").join(" ");
    };
    expect(await search("--search", "nginx", "--limit", "2")).to.equal("late-1 late-2");
    expect(await search("--search", "nginx", "--since", between, "-n", "demo")).to.equal("late-1");
    expect(await search("--resource", "configmaps", "--verdict", "allow", "--since", "1h")).to.equal(
      "early-1 late-1 late-2",
    );
    expect(await search("--resource", "secrets", "--limit=0")).to.equal("");
  });

  it("goes on live with the same selection", async () => {
    const watching = bed.start("human", [
      "get",
      "records",
      "-A",
      "--field-selector=text=live*",
      "--watch",
      "-o",
      "name",
    ]);
    let seen = "";
    const both = new Promise<void>((resolve) =>
      watching.child.stdout.on("data", (chunk: Buffer) => {
        seen += chunk.toString();
        if (seen.endsWith("\n") && seen.trim().split("\n").length === 2) resolve();
      }),
    );
    const make = (name: string, text: string) =>
      bed.must("agent", ["create", "configmap", name, "-n", "demo", `--from-literal=text=${text}`]);
    await make("seen-1", "lively");
    await make("unseen", "dead");
    await make("seen-2", "alive and live");
    await both;
    watching.child.kill();
    await watching.ended;
    const names = seen
      .trim()
      .split("\n")
      .map((line) => line.replace("record.hoop.dev/", ""));
    expect(names).to.deep.equal(
      (await listed("human", "text=live*")).items.map(({ metadata }) => metadata.name),
    );
  });

  it("finds the same after Hoop has started again", async () => {
    const before = await targets("human", "text=nginx");
    await bed.stopHoop();
    await bed.startHoop();
    await bed.must("human", [
      "wait",
      "apiservice/v1alpha1.hoop.dev",
      "--for=condition=Available",
      "--timeout=30s",
    ]);
    expect(await targets("human", "text=nginx")).to.equal(before);
  });
});
