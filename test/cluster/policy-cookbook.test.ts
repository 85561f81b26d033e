/** A sample of the cookbook, and the guide's policy that was moved, by real kubectl before a real API server. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { parseAllDocuments } from "yaml";
import { resourceOfKind } from "#core/policy/resources.ts";
import { until } from "../support/control-plane.ts";
import { hoop } from "../support/plugin.ts";
import { recipes } from "../support/recipes.ts";
import { type Ended, startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const SAMPLE = ["Two people", "Images come", "Losing more", "Hosts of", "Deleting pods", "First look"];
const GUIDE = join(import.meta.dirname, "..", "..", "docs", "guides", "policies.md");

const documents = (yaml: string): object[] => parseAllDocuments(yaml).map((one) => one.toJS());

describe("policies of the cookbook and the guide, in a cluster", function () {
  this.timeout(180_000);
  let bed: Testbed;
  let folder: string;

  before(async function () {
    this.timeout(1_200_000);
    folder = await mkdtemp(join(tmpdir(), "hoop-cookbook-"));
    bed = await startTestbed();
    const named = SAMPLE.map((title) => recipes().find((recipe) => recipe.title.includes(title)));
    const labels = { "example.com/env": "sandbox" };
    await bed.apply([
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "play", labels } },
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    ]);
    // No controllers make them here, and there is no pod without.
    await bed.apply(
      ["play", "shop"].map((namespace) => ({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: "default", namespace },
      })),
    );
    await bed.apply(named.flatMap((recipe) => documents(recipe?.blocks[0] ?? "")));
    await bed.apply([
      deployment("web", { replicas: 10 }),
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "prod" } },
    ]);
    await until("all policies are in force", async () => {
      const told = await bed.must("human", ["get", "agentpolicies", "--output=json"]);
      return (JSON.parse(told) as { items: Applied[] }).items.every(isReady);
    });
  });
  after(async () => {
    await bed?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true });
  });

  interface Applied {
    metadata: { generation: number };
    status?: { observedGeneration?: number; conditions?: { type: string; status: string }[] };
  }
  const isReady = ({ metadata, status }: Applied) =>
    status?.observedGeneration === metadata.generation &&
    status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;

  /** What the catalogue has nothing against. */
  const deployment = (
    name: string,
    spec: object,
    labels: object = {},
    image = "registry.example.com/web:1",
  ) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "shop", labels },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { automountServiceAccountToken: false, containers: [{ name: "web", image }] },
      },
      ...spec,
    },
  });
  const create = (who: Who, object: object, ...more: string[]): Promise<Ended> =>
    bed.kubectl(who, ["create", "-f", "-", ...more], { input: JSON.stringify(object) });

  it("denies an image from elsewhere, and says which", async () => {
    const { code, stderr } = await create("agent", deployment("new", {}, { app: "new" }, "nginx:1"));
    expect(code).to.equal(1);
    expect(stderr).to.contain("not from registry.example.com: nginx:1").and.contain("images/registry");
  });

  it("denies a host outside of the domain", async () => {
    const rule = "bank.example.org/=web:80";
    const { code, stderr } = await bed.kubectl("agent", [
      "create",
      "ingress",
      "web",
      "-n",
      "shop",
      `--rule=${rule}`,
    ]);
    expect(code).to.equal(1);
    expect(stderr).to.contain("each rule needs a host below apps.example.com").and.contain("hosts/domain");
  });

  it("warns of what is only warned of, and lets it through", async () => {
    const { code, stderr } = await create("agent", deployment("warned", {}, { app: "warned" }));
    expect(code, stderr).to.equal(0);
    expect(stderr).to.match(/^Warning: hoop: would be denied: .*has no label team.*labels\/team/m);
    expect(stderr).not.to.contain("labels/tier");
    const told = await bed.records();
    const record = told.find((one) => JSON.stringify(one).includes('"warned"'));
    expect(record).to.have.property("observed").that.has.length(2);
  });

  it("holds who scales down by more than half", async () => {
    const scaling = bed.start("agent", ["scale", "deployment/web", "-n", "shop", "--replicas=4"]);
    const approval = await bed.pending("web");
    expect(approval.spec.rules).to.deep.include({
      name: "scaling/half",
      message: "from 10 replicas to 4",
    });
    await bed.decide(approval, "Approve");
    const { code, output } = await scaling.ended;
    expect(code, output).to.equal(0);
  });

  it("asks two of the namespace's people", async () => {
    const deleting = bed.start("agent", ["delete", "configmap", "a", "-n", "prod"]);
    const approval = await bed.pending("a");
    expect(approval.spec.rules.map(({ name }) => name)).to.deep.equal(["require-approval@namespace/prod"]);
    expect(JSON.stringify(approval.spec.approvers)).to.contain('"sre"').and.contain('"count":2');
    // Nobody here is one of them.
    deleting.child.kill();
    await deleting.ended;
  });

  it("lets an agent delete pods of a sandbox, and only there", async () => {
    for (const namespace of ["play", "shop"]) {
      const metadata = { name: "pod", namespace };
      const spec = { automountServiceAccountToken: false, containers: [{ name: "a", image: "a:1" }] };
      await bed.apply({ apiVersion: "v1", kind: "Pod", metadata, spec });
    }
    const inSandbox = await bed.kubectl("agent", ["delete", "pod", "pod", "-n", "play", "--wait=false"]);
    expect(inSandbox.code, inSandbox.output).to.equal(0);
    const deleting = bed.start("agent", ["delete", "pod", "pod", "-n", "shop", "--wait=false"]);
    const approval = await bed.pending("pod");
    expect(approval.spec.rules.map(({ name }) => name)).to.deep.equal(["pod-delete"]);
    await bed.decide(approval, "Deny", "it stays");
    expect((await deleting.ended).code).to.equal(1);
  });

  it("explains by the cluster's policies what would become of a write", async () => {
    const file = join(folder, "web.json");
    await writeFile(file, JSON.stringify({ ...deployment("web", { replicas: 1 }), status: {} }));
    const args = ["policy", "explain", "-f", file, "--as", "agent"];
    const { code, stdout, stderr } = await hoop(bed, "human", args);
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^UPDATE deployments\.apps shop\/web as agent\n=> Hold\n/);
    expect(stdout).to.contain("scaling/half: from 4 replicas to 1");
    // What Hoop has recorded of itself can be seen, and is what came with the plugin.
    expect(stderr).to.equal("");
    const listed = await hoop(bed, "human", ["policy", "list"]);
    expect(listed.stdout)
      .to.match(/\nscaling\/half +Hold +Enforce/)
      .and.match(/\npod-delete .*Off by sandboxes/);
  });

  it("knows the resources that tests of policies derive from kinds", async () => {
    // Whatever an API that is not there just now makes of its exit code.
    const { stdout } = await bed.kubectl("human", ["api-resources", "--no-headers"]);
    const rows = stdout.split("\n").filter((line) => line !== "");
    expect(rows.length).to.be.greaterThan(50);
    for (const row of rows) {
      const cells = row.split(/ +/);
      const [apiVersion = "", isNamespaced = "", kind = ""] = cells.slice(-3);
      const known = resourceOfKind(apiVersion, kind);
      expect(known, row).to.include({ resource: cells[0], isNamespaced: isNamespaced === "true" });
    }
  });

  describe("a ValidatingAdmissionPolicy that was moved", () => {
    const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)].map(
      ([, yaml = ""]) => yaml,
    );
    const [theirs = ""] = blocks.filter((yaml) => yaml.includes("ValidatingAdmissionPolicyBinding"));
    const ours = blocks.at(-1) ?? "";
    const limited = (name: string, labels: object) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels: { replicas: "limited", ...labels } },
    });
    const inside = (namespace: string, name: string, replicas: number, labels: object = {}) => {
      const object = deployment(name, { replicas }, { app: name, ...labels });
      return { ...object, metadata: { ...object.metadata, namespace } };
    };
    const there = inside("limited", "there", 1);
    const cases: Record<string, { verb: "create" | "replace"; object: object; passes: boolean }> = {
      "as many as may be": { verb: "create", object: inside("limited", "a", 3), passes: true },
      "one more": { verb: "create", object: inside("limited", "a", 4), passes: false },
      "the namespace's own limit": { verb: "create", object: inside("wide", "a", 9), passes: true },
      "more than that": { verb: "create", object: inside("wide", "a", 10), passes: false },
      "what is critical": {
        verb: "create",
        object: inside("limited", "a", 9, { critical: "yes" }),
        passes: true,
      },
      "a limit that is no number": { verb: "create", object: inside("odd", "a", 1), passes: false },
      "another namespace": { verb: "create", object: inside("shop", "a", 9), passes: true },
      "an update": { verb: "replace", object: inside("limited", "there", 2), passes: true },
      "an update beyond": { verb: "replace", object: inside("limited", "there", 5), passes: false },
      "another strategy": {
        verb: "replace",
        object: { ...there, spec: { ...there.spec, strategy: { type: "Recreate" } } },
        passes: false,
      },
    };
    const tried = async (who: Who, verb: string, object: object): Promise<boolean> => {
      const input = JSON.stringify(object);
      return (await bed.kubectl(who, [verb, "-f", "-", "--dry-run=server"], { input })).code === 0;
    };
    const verdicts = async (who: Who) => {
      const all: Record<string, boolean> = {};
      for (const [what, { verb, object }] of Object.entries(cases))
        all[what] = await tried(who, verb, object);
      return all;
    };
    const expected = Object.fromEntries(Object.entries(cases).map(([what, { passes }]) => [what, passes]));
    const tooMany = inside("limited", "a", 4);

    before(async () => {
      await bed.apply([
        limited("limited", {}),
        limited("wide", { "max-replicas": "9" }),
        limited("odd", { "max-replicas": "many" }),
      ]);
      await bed.apply(there);
    });

    it("does as VAP what it does as AgentPolicy", async () => {
      await bed.apply(documents(theirs));
      await until("the API server has it", async () => !(await tried("human", "create", tooMany)));
      expect(await verdicts("human")).to.deep.equal(expected);
      await bed.must("human", [
        "delete",
        "validatingadmissionpolicybinding,validatingadmissionpolicy",
        "replicas",
      ]);
      await until("the API server has let go of it", () => tried("human", "create", tooMany));
      await bed.apply(documents(ours));
      await until("Hoop has the policy", async () => !(await tried("agent", "create", tooMany)));
      expect(await verdicts("agent")).to.deep.equal(expected);
      expect(await tried("human", "create", tooMany)).to.equal(true);
    });
  });
});
