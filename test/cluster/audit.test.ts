/** What came of requests, as a real API server's audit events tell it: of kubectl, as an agent uses it. */
import { expect } from "chai";
import type { Entry } from "#core/ledger/entry.ts";
import { until } from "../support/control-plane.ts";
import { startProcess } from "../support/hoop-process.ts";
import { binding, namespaced, pod } from "../support/objects.ts";
import { asUserOf, type Caller } from "../support/raw.ts";
import { type Blocked, type Ended, startTestbed, type Testbed } from "../support/testbed.ts";

type Of<K extends Entry["kind"]> = Extract<Entry, { kind: K }>;
type Numbered = { index: number; entry: Entry };

describe("what came of an agent's requests", () => {
  let bed: Testbed;
  let human: Caller;
  before(async () => {
    bed = await startTestbed({ audited: true, settings: { audit: { waitSeconds: 3600 } } });
    human = await asUserOf(bed.kubeconfig("human"));
    const hard = { "count/services": "0" };
    await bed.apply(namespaced("v1", "ResourceQuota", "no-services", { spec: { hard } }));
    // Here nobody counts: no controllers run.
    const status = JSON.stringify({ status: { hard, used: hard } });
    const counted = [
      "patch",
      "resourcequota",
      "no-services",
      "-n",
      "demo",
      "--subresource=status",
      "--type=merge",
    ];
    await bed.must("human", [...counted, "-p", status]);
  });
  after(() => bed?.stop());

  async function entries(): Promise<Numbered[]> {
    const { code, text } = await human({ path: "/apis/hoop.dev/v1alpha1/records" });
    expect(code, text).to.equal(200);
    const { items } = JSON.parse(text) as { items: { metadata: { name: string }; spec: Entry }[] };
    return items.map(({ metadata, spec }) => ({ index: Number(metadata.name), entry: spec }));
  }

  /** The newest admission of that target, once the outcome that names it is there. */
  async function outcome(name: string, operation = "CREATE"): Promise<Of<"outcome">> {
    let found: Of<"outcome"> | undefined;
    await until(`it is told what came of ${operation} ${name}`, async () => {
      const all = await entries();
      const last = all.findLast(
        ({ entry }) =>
          entry.kind === "admission" &&
          "effect" in entry &&
          entry.effect === "open" &&
          entry.operation === operation &&
          entry.target.name === name,
      );
      found = all.flatMap(({ entry }) =>
        entry.kind === "outcome" && entry.of === last?.index ? [entry] : [],
      )[0];
      return found !== undefined;
    });
    if (found === undefined) throw new Error("there is none");
    return found;
  }

  /** How it ends once what it waits for is approved. */
  async function approved({ ended }: Blocked, name: string): Promise<Ended> {
    const passed = ended.then(({ output }) => Promise.reject(new Error(`it was not held: ${output}`)));
    const pending = bed.pending(name);
    await bed.decide(await Promise.race([pending, passed]), "Approve");
    return ended;
  }

  async function request(fits: (entry: Of<"request">) => boolean): Promise<Of<"request">> {
    let found: Of<"request"> | undefined;
    await until("the request is recorded", async () => {
      found = (await entries()).flatMap(({ entry }) =>
        entry.kind === "request" && fits(entry) ? [entry] : [],
      )[0];
      return found !== undefined;
    });
    if (found === undefined) throw new Error("there is none");
    return found;
  }

  it("a create, a change and a delete took effect", async () => {
    await bed.must("agent", ["create", "configmap", "plain", "-n", "demo"]);
    const made = await outcome("plain");
    expect(made).to.deep.include({ source: "audit", result: "took-effect", code: 201 });
    const uid = ["get", "configmap", "plain", "-n", "demo", "-o", "jsonpath={.metadata.uid}"];
    expect(made.object?.uid).to.equal(await bed.must("human", uid));
    const path = "/apis/hoop.dev/v1alpha1/namespaces/demo/records";
    const alone = JSON.parse((await human({ path: `${path}/${made.of}` })).text);
    expect(alone.status.outcome.result).to.equal("took-effect");
    const { items } = JSON.parse((await human({ path: `${path}?fieldSelector=name%3Dplain` })).text);
    expect(items[0].status).to.deep.equal(alone.status);
    await bed.must("agent", ["apply", "-f", "-"], {
      input: JSON.stringify(namespaced("v1", "ConfigMap", "plain", { data: { a: "b" } })),
    });
    expect(await outcome("plain", "UPDATE")).to.deep.include({ result: "took-effect", code: 200 });
    await bed.must("agent", ["delete", "configmap", "plain", "-n", "demo"]);
    expect(await outcome("plain", "DELETE")).to.deep.include({ result: "took-effect", code: 200 });
  });

  it("a create of what is there already was refused", async () => {
    await bed.must("human", ["create", "configmap", "there", "-n", "demo"]);
    await bed.kubectl("agent", ["create", "configmap", "there", "-n", "demo"]);
    expect(await outcome("there")).to.deep.include({ result: "refused", code: 409, reason: "AlreadyExists" });
  });

  it("of changes at once, each that met a conflict and was judged again took effect once", async () => {
    await bed.must("human", ["create", "configmap", "busy", "-n", "demo"]);
    const labels = Array.from({ length: 8 }, (_, n) => `l${n}=x`);
    const label = (one: string) => bed.must("agent", ["label", "configmap", "busy", "-n", "demo", one]);
    await Promise.all(labels.map(label));
    let results: (string | undefined)[] = [];
    await until("it is told what came of all", async () => {
      const all = await entries();
      const told = new Map(
        all.flatMap(({ entry }) => (entry.kind === "outcome" ? [[entry.of, entry.result]] : [])),
      );
      results = all
        .filter(({ entry }) => entry.kind === "admission" && entry.target.name === "busy")
        .map(({ index }) => told.get(index));
      return !results.includes(undefined);
    });
    expect(results.filter((result) => result === "took-effect")).to.have.length(labels.length);
    expect(results.filter((result) => result === "cannot-tell")).to.have.length(0);
  });

  it("an approved exec that the API server then refuses was refused", async () => {
    await bed.must("human", ["create", "serviceaccount", "default", "-n", "demo"]);
    await bed.apply(pod("nowhere"));
    const command = ["sh", "-c", "PASSWORD=hunter2 run"];
    const blocked = bed.start("agent", ["exec", "nowhere", "-n", "demo", "--", ...command]);
    await bed.decide(await bed.pending("nowhere", "CONNECT"), "Approve");
    expect(await outcome("nowhere", "CONNECT")).to.deep.include({
      source: "audit",
      result: "refused",
      code: 400,
    });
    const ended = await request(({ target }) => target?.subresource === "exec");
    expect(ended.uri).to.contain("command=PASSWORD=[masked: value] run");
    // It asks a second time, another way, and that is held anew.
    blocked.child.kill();
    await blocked.ended;
  });

  it("of a write through secure-secrets Hoop tells itself", async () => {
    const secret = {
      apiVersion: "hoop.dev/v1alpha1",
      kind: "SecureSecret",
      metadata: { name: "sealed", namespace: "demo" },
    };
    const asked = bed.start("agent", ["create", "-f", "-"], { ...secret, stringData: { pw: "hunter2" } });
    expect((await approved(asked, "sealed")).code).to.equal(0);
    const told = await outcome("sealed");
    expect(told).to.deep.include({ source: "object", result: "took-effect" });
    // What comes after it is there: its own event adds nothing.
    await bed.must("agent", ["get", "secure-secrets.hoop.dev", "sealed", "-n", "demo"]);
    const read = await request(({ target, verb }) => target?.name === "sealed" && verb === "get");
    expect(read).to.deep.include({ code: 200 });
    expect(read).to.not.have.property("payload");
    const verbs = (await entries()).flatMap(({ entry }) =>
      entry.kind === "request" && entry.target?.resource === "secure-secrets" ? [entry.verb] : [],
    );
    expect(verbs).to.deep.equal(["get"]);
  });

  it("what a quota refuses after Hoop let it through was refused", async () => {
    const probe = ["create", "service", "clusterip", "probe", "-n", "demo", "--tcp=80", "--dry-run=server"];
    await until("the quota counts", async () =>
      (await bed.kubectl("human", probe)).output.includes("exceeded quota"),
    );
    const asked = await bed.kubectl("agent", [
      "create",
      "service",
      "clusterip",
      "over",
      "-n",
      "demo",
      "--tcp=80",
    ]);
    expect(asked.code, asked.output).to.equal(1);
    expect(asked.output).to.match(/quota/);
    const refused = await outcome("over");
    expect(refused).to.deep.include({ source: "audit", result: "refused", code: 403, reason: "Forbidden" });
    expect(refused.message).to.contain("quota: no-services");
  });

  it("what was held and approved took effect, and the attempts before it need no outcome", async () => {
    const asked = bed.start("agent", ["create", "-f", "-"], binding("RoleBinding", "held", ["alice"]));
    expect((await approved(asked, "held")).code).to.equal(0);
    const told = await outcome("held");
    expect(told).to.deep.include({ source: "audit", result: "took-effect", code: 201 });
    const admissions = (await entries()).flatMap(({ index, entry }) =>
      entry.kind === "admission" && entry.target.name === "held" && "effect" in entry
        ? [{ index, entry }]
        : [],
    );
    expect(admissions.filter(({ entry }) => entry.effect === "open").map(({ index }) => index)).to.deep.equal(
      [told.of],
    );
  });

  it("a dry run has none, since nothing comes of it", async () => {
    await bed.must("agent", ["create", "configmap", "dry", "-n", "demo", "--dry-run=server"]);
    await bed.must("agent", ["create", "configmap", "after-dry", "-n", "demo"]);
    await outcome("after-dry");
    const dry = (await entries()).find(
      ({ entry }) => entry.kind === "admission" && entry.target.name === "dry",
    );
    expect(dry?.entry).to.deep.include({ dryRun: true, effect: "none" });
  });

  it("its reads are entries: get, list, a watch from its beginning", async () => {
    await bed.must("human", ["create", "configmap", "read", "-n", "demo"]);
    await bed.must("agent", ["get", "configmap", "read", "-n", "demo"]);
    const get = await request(({ verb, target }) => verb === "get" && target?.name === "read");
    expect(get).to.deep.include({ code: 200, stage: "ResponseComplete" });
    expect(get.agent.username).to.equal("agent");
    const watch = bed.start("agent", ["get", "configmaps", "-n", "demo", "--watch-only"]);
    await request(({ verb, stage }) => verb === "watch" && stage === "ResponseStarted");
    watch.child.kill();
    await watch.ended;
    await request(({ verb, stage }) => verb === "watch" && stage === "ResponseComplete");
  });

  it("its reads are entries each, whatever audit ID it says that they have", async () => {
    const agent = await asUserOf(bed.kubeconfig("agent"));
    for (const path of ["/api/v1/namespaces/demo/configmaps", "/api/v1/namespaces/demo/services"])
      expect((await agent({ path, headers: { "Audit-ID": "mine" } })).code).to.equal(200);
    for (const resource of ["configmaps", "services"])
      await request(({ auditID, target }) => auditID === "mine" && target?.resource === resource);
  });

  it("what is refused before it is judged is an entry, too, and a person's request none", async () => {
    expect((await bed.kubectl("agent", ["get", "secret", "no-such", "-n", "demo"])).code).to.equal(1);
    const refused = await request(({ target }) => target?.resource === "secrets");
    expect(refused).to.deep.include({ verb: "get", code: 403, reason: "Forbidden" });
    expect(refused.message).to.match(/^hoop: agents do not read or edit Secrets;.* \(rule secrets\)$/);
    const people = (await entries()).filter(
      ({ entry }) => entry.kind === "request" && entry.agent.username !== "agent",
    );
    expect(people).to.deep.equal([]);
  });

  it("what happened while Hoop was killed is told once it is back, and once only", async () => {
    await bed.stopHoop();
    const killed = await startProcess(bed);
    await bed.must("agent", ["create", "configmap", "across", "-n", "demo"]);
    killed.child.kill("SIGKILL");
    await killed.ended;
    await bed.startHoop();
    expect(await outcome("across")).to.deep.include({ source: "audit", result: "took-effect" });
    const lines = (await entries()).map(({ entry }) => entry);
    const outcomes = lines.flatMap((entry) => (entry.kind === "outcome" ? [entry.of] : []));
    expect(new Set(outcomes).size).to.equal(outcomes.length);
    const requests = lines.flatMap((entry) =>
      entry.kind === "request" ? [`${entry.auditID} ${entry.stage} ${entry.received}`] : [],
    );
    expect(new Set(requests).size).to.equal(requests.length);
  });
});
