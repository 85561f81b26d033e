import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { backUp, newKey, restore } from "../../operator.ts";
import { parseSettings } from "../../settings.ts";
import { namespaced } from "../support/objects.ts";
import { hoop } from "../support/plugin.ts";
import { asUserOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";
import { thinLine } from "../support/thin-line.ts";

interface Verified {
  intact: boolean;
  whole?: boolean;
  proven: number;
  findings: { kind: string }[];
  counts: { entries: number; payloads: number };
}

interface RecordShown {
  metadata: { name: string };
  spec: { kind: string; payload?: { digest: string; size: number } };
  payload?: { object?: { metadata: { name: string }; data?: object } };
}

describe("the ledger on a real cluster", () => {
  let scratch: string;
  let bed: Testbed;
  let file: string;
  let published: string;
  let kept: string;
  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "hoop-ledger-"));
    published = join(scratch, "published");
    kept = join(scratch, "kept.checkpoint");
    bed = await startTestbed({
      settings: {
        ledger: { publish: published, publishSeconds: 1 },
        backups: { directory: join(scratch, "backups"), everySeconds: 0 },
      },
    });
    file = join(bed.certificates, "..", "data", "hoop.db");
    for (const name of ["first", "second"])
      await bed.must("agent", ["create", "configmap", name, "-n", "demo", "--from-literal=colour=blue"]);
  });
  after(async () => {
    await bed?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const settings = () => parseSettings(bed.settingsYaml, "the testbed");
  const verify = async (...args: string[]) => {
    const { code, stdout, output } = await hoop(bed, "human", ["verify", ...args, "-o", "json"]);
    if (stdout === "") throw new Error(output);
    return { code, ...(JSON.parse(stdout) as Verified) };
  };
  const records = async () =>
    (JSON.parse(await bed.must("human", ["get", "records", "-A", "-o", "json"])) as { items: RecordShown[] })
      .items;

  it("is proven through the API server, and what is proven is kept for the next time", async () => {
    const first = await verify("--keep", kept);
    expect(first).to.deep.include({ code: 0, intact: true, findings: [] });
    expect(first.counts).to.deep.equal({ entries: 3, payloads: 3, erased: 0 });
    await bed.must("agent", ["create", "configmap", "third", "-n", "demo"]);
    expect(await verify("--keep", kept)).to.deep.include({ code: 0, proven: 4 });
    expect(readFileSync(kept, "utf8").split("\n")[1]).to.equal("4");
  });

  it("begins with what is in force: version, keys, rules, settings", async () => {
    const [record] = await records();
    expect(record?.spec).to.deep.include({ kind: "configuration", schema: "hoop.dev/configuration/v2" });
    const whole = JSON.parse(
      await bed.must("human", ["get", "record", "0", "-n", "hoop-system", "-o", "json"]),
    );
    expect(whole.payload.settings.hold.maxWaitSeconds).to.equal(settings().hold.maxWaitSeconds);
  });

  it("shows the payload of a record to whoever asks for that one, and its digest in lists", async () => {
    const listed = (await records()).find(({ spec }) => spec.kind === "admission");
    expect(listed).not.to.have.property("payload");
    expect(listed?.spec.payload?.digest).to.match(/^[0-9a-f]{64}$/);
    const name = listed?.metadata.name ?? "";
    const one = JSON.parse(
      await bed.must("human", ["get", "record", name, "-n", "demo", "-o", "json"]),
    ) as RecordShown;
    expect(one.payload?.object).to.deep.include({ data: { colour: "blue" } });
    const own = JSON.parse(
      await bed.must("agent", ["get", "record", name, "-n", "demo", "-o", "json"]),
    ) as RecordShown;
    expect(own.payload?.object?.metadata.name).to.equal("first");
  });

  it("is shown with its checkpoint and keys, and not to agents", async () => {
    const { status } = JSON.parse(await bed.must("human", ["get", "ledger", "hoop", "-o", "json"]));
    expect(status.origin).to.match(/^hoop\.dev\/ledger\/[0-9a-f]{16}$/);
    expect(status.checkpoint.split("\n")[0]).to.equal(status.origin);
    expect(status.keys).to.have.length(1);
    await bed.must("human", [
      "create",
      "clusterrolebinding",
      "agents-all",
      "--clusterrole=cluster-admin",
      "--group=hoop:agents",
    ]);
    const log = "/apis/hoop.dev/v1alpha1/ledgers/hoop/log";
    for (const path of [log, `${log}/checkpoint`, `${log}/tile/entries/000.p/1`, `${log}/payload/0`]) {
      const asked = await bed.kubectl("agent", ["get", "--raw", path]);
      expect(asked.code, path).to.equal(1);
    }
    expect((await bed.kubectl("agent", ["get", "ledger", "hoop"])).output).to.contain("NotFound");
    expect((await bed.kubectl("agent", ["get", "ledgers"])).output).to.contain("No resources found");
    expect((await bed.kubectl("human", ["get", "ledgers", "-l", "a=b"])).output).to.contain(
      "No resources found",
    );
    expect((await bed.kubectl("human", ["get", "ledgers"])).output).to.contain("hoop");
    for (const path of [`${log}/payload/9999`, `${log}/tile/0/000.p/200`, `${log}/other`])
      expect((await bed.kubectl("human", ["get", "--raw", path])).code, path).to.equal(1);
    await bed.must("human", ["delete", "clusterrolebinding", "agents-all"]);
  });

  it("is exported with what proves it, to those who may read all of it", async () => {
    const exported = join(scratch, "exported.jsonl");
    const { code, output } = await hoop(bed, "human", ["export", "--payloads", "-f", exported]);
    expect(code, output).to.equal(0);
    const keys = JSON.parse(await bed.must("human", ["get", "ledger", "hoop", "-o", "json"])).status.keys;
    const proven = await verify(exported, "--key", keys[0].key, "--checkpoint", kept);
    expect(proven).to.deep.include({ code: 0, intact: true, findings: [], whole: true });
    expect(proven.counts.payloads).to.be.greaterThan(2);
    expect((await hoop(bed, "agent", ["export", "-f", join(scratch, "refused.jsonl")])).code).to.equal(2);
    expect(readdirSync(scratch).filter((name) => name.startsWith("refused"))).to.deep.equal([]);
  });

  it("is exported over a connection that breaks: the same command goes on, and no line is lost or told twice", async () => {
    const agent = await asUserOf(bed.kubeconfig("agent"));
    const path = "/api/v1/namespaces/demo/configmaps?dryRun=All";
    // More than a bundle: what is done with is kept.
    for (let n = 0; n < 500; n += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          agent({ method: "POST", path, body: namespaced("v1", "ConfigMap", `tried-${n + at}`) }),
        ),
      );
    const config = parse(readFileSync(bed.kubeconfig("human"), "utf8"));
    const { cluster } = config.clusters[0];
    const line = await thinLine(Number(new URL(cluster.server).port));
    cluster.server = `https://127.0.0.1:${line.port}`;
    const over = { kubeconfig: join(scratch, "over.kubeconfig") };
    writeFileSync(over.kubeconfig, stringify(config));
    const [whole, parts] = [join(scratch, "unbroken.jsonl"), join(scratch, "broken.jsonl")];
    try {
      expect((await hoop(bed, over, ["export", "-f", whole])).code).to.equal(0);
      const sent = readFileSync(whole, "utf8").split("\n").slice(1, 257).join("").length;
      // In the midst of the second bundle.
      line.holdAfter(sent);
      const broken = hoop(bed, over, ["export", "-f", parts]);
      await line.held();
      line.cut();
      line.open();
      const { code, stderr } = await broken;
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(/error: .*(the connection to the API server broke|the server answered 502)/);
      expect(stderr).to.match(/the same command goes on from there, at entry 256\./);
      const rest = await hoop(bed, over, ["export", "-f", parts]);
      expect(rest.code, rest.output).to.equal(0);
      expect(rest.stderr).to.contain("Going on at entry 256, behind 256 lines");
      const { status } = JSON.parse(await bed.must("human", ["get", "ledger", "hoop", "-o", "json"]));
      const proven = await verify(parts, "--key", status.keys[0].key);
      expect(proven).to.deep.include({ code: 0, intact: true, whole: true });
      expect(proven.proven).to.be.greaterThan(500);
    } finally {
      await line.close();
    }
  });

  it("is reviewed: what an agent did, by which right", async () => {
    const { items } = JSON.parse(await bed.must("human", ["get", "records", "-A", "-o", "json"]));
    const { agent } = items.map(({ spec }: { spec: object }) => spec).find((spec: object) => "agent" in spec);
    const args = ["review", "--agent", agent.username, "--since", "1h", "-o", "json"];
    const { code, stdout, output } = await hoop(bed, "human", args);
    expect(code, output).to.equal(0);
    const [review] = JSON.parse(stdout).reviews;
    const made = review.used.find(
      ({ verb, resource }: Record<string, string>) => verb === "create" && resource === "configmaps",
    );
    expect(made).to.deep.include({ namespace: "demo", given: true });
    expect(made.allowed).to.be.greaterThan(2);
    expect(review.rights.map(({ by }: { by: string }) => by).join()).to.contain("Group hoop:agents");
  });

  it("is published, and proven there without any cluster", async () => {
    await bed.stopHoop();
    const key = join(published, "keys");
    const { entries } = (await verify(published, "--key", key, "--checkpoint", kept)).counts;
    expect(await verify(file, "--key", key, "--checkpoint", kept)).to.deep.include({
      code: 0,
      proven: entries,
    });
    await bed.startHoop();
  });

  it("is backed up, restored with proof, goes on, and says what is missing", async () => {
    await bed.stopHoop();
    const backup = await backUp(settings());
    await bed.startHoop();
    const held = bed.start("agent", ["delete", "namespace", "demo", "--wait=false"]);
    const approval = await bed.pending("demo");
    await bed.must("agent", ["create", "configmap", "later", "-n", "demo"]);
    const before = await verify("--keep", kept);
    held.child.kill();
    await bed.stopHoop();
    const second = await backUp(settings());
    expect(await restore(settings(), second)).to.contain("1 open approvals are void");
    const said = await restore(settings(), backup);
    expect(said).to.match(/^restored from a backup of \d+ entries; the store that it replaces had \d+; /);
    await bed.startHoop();
    expect(
      (await bed.kubectl("human", ["get", "approval", approval.metadata.name, "-n", "hoop-system"])).code,
    ).to.equal(1);
    const after = await verify();
    expect(after).to.deep.include({ code: 0, intact: true });
    expect((await records()).filter(({ spec }) => spec.kind === "gap")).to.have.length(1);
    const against = await verify("--checkpoint", kept);
    expect(against.code).to.equal(1);
    expect(against.findings.map(({ kind }) => kind)).to.satisfy((kinds: string[]) =>
      kinds.some((kind) => ["rolled-back", "forked", "root-differs"].includes(kind)),
    );
    expect(before.counts.entries).to.be.greaterThan(2);
  });

  it("goes on under a new key, and old signatures count", async () => {
    await bed.stopHoop();
    expect(await newKey(settings())).to.have.length(2);
    await bed.startHoop();
    const { status } = JSON.parse(await bed.must("human", ["get", "ledger", "hoop", "-o", "json"]));
    expect(status.keys).to.have.length(2);
    for (const { key } of status.keys)
      expect(await verify("--key", key)).to.deep.include({ code: 0, intact: true });
  });

  it("that somebody altered while Hoop was down is not gone on from", async () => {
    await bed.stopHoop();
    const whole = readFileSync(file);
    const db = new DatabaseSync(file);
    db.exec(
      "UPDATE lines SET line = replace(line, 'blue', 'green'), revision = revision WHERE number = (SELECT max(number) FROM lines)",
    );
    db.exec(
      'UPDATE lines SET line = replace(line, \'"time":"20\', \'"time":"19\') WHERE number = (SELECT max(number) FROM lines)',
    );
    db.close();
    const refused = await bed.startHoop().then(
      () => "",
      (error: unknown) => String(error),
    );
    expect(refused).to.contain("its ledger is not what was recorded");
    expect(await verify(file)).to.deep.include({ code: 1, intact: false });
    writeFileSync(file, whole);
    await bed.startHoop();
    expect(readdirSync(join(scratch, "backups"))).to.have.length(2);
  });
});
