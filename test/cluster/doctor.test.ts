/**
 * Doctor where nothing but RBAC stands before a Secret: each way is opened, the value is taken by it, doctor names it
 * with its binding and rule, its fix is run, and then neither is left.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { type Client, connect } from "#cluster/client.ts";
import { doctorProbe } from "#cluster/doctor-probe.ts";
import { examine } from "#core/doctor/examine.ts";
import type { Finding } from "#core/doctor/finding.ts";
import { namedAgent } from "#core/doctor/identities.ts";
import { until } from "../support/control-plane.ts";
import { PAST_ADMISSION, PAST_RBAC, SEEDED, VALUE, type Way } from "../support/doctor-ways.ts";
import { hoop } from "../support/plugin.ts";
import { asUserOf, type Caller, credentialsIn, rawCaller } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const AGENT = namedAgent("agent", ["hoop:agents"]);
const API_GROUP = "rbac.authorization.k8s.io";
const GUIDE = join(import.meta.dirname, "..", "..", "docs", "guides", "doctor.md");
const run = promisify(execFile);

describe("doctor, with RBAC alone before Secrets", () => {
  let bed: Testbed;
  let client: Client;
  let agent: Caller;
  let others: { anonymous: Caller; withToken(token: string): Caller };

  before(async () => {
    bed = await startTestbed({ configured: false });
    client = connect(bed.kubeconfig("human"));
    agent = await asUserOf(bed.kubeconfig("agent"));
    const { port } = await credentialsIn(bed.kubeconfig("agent"));
    others = { anonymous: rawCaller(port, {}), withToken: (token) => rawCaller(port, { token }) };
    await bed.must("human", ["delete", "clusterrolebinding", "tour-agents"]);
    const metadata = (name: string) => ({ name, namespace: "demo" });
    await bed.apply([
      { apiVersion: "v1", kind: "Secret", metadata: metadata("db"), stringData: { password: VALUE } },
      { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata("reader") },
      role("reader", false, [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }]),
      binding("reader", false, { kind: "ServiceAccount", name: "reader", namespace: "demo" }),
    ]);
  });
  after(async () => {
    await client?.close();
    await bed?.stop();
  });

  const findings = async () => (await examine(doctorProbe(client), [AGENT])).findings;
  const severe = (found: readonly Finding[]) =>
    found.filter(({ severity }) => ["critical", "high"].includes(severity)).map(({ id }) => id);
  const isClear = async () => severe(await findings()).every((id) => id === "registration-missing");

  const opened = async ({ rules, cluster = false, subject = { kind: "User", name: "agent" } }: Way) => {
    const apiGroup = { apiGroup: API_GROUP };
    await bed.apply([role("way", cluster, rules), binding("way", cluster, { ...apiGroup, ...subject })]);
  };
  const taken = async (way: Way) => {
    const text = await way.take(agent, others);
    return SEEDED.some((value) => text.includes(value));
  };

  /** As a person copies it from the report. */
  const shell = (command: string) =>
    run("sh", ["-c", command], {
      env: {
        KUBECONFIG: bed.kubeconfig("human"),
        // Where kubectl keeps what it discovered.
        HOME: dirname(bed.kubeconfig("human")),
        PATH: `${dirname(bed.controlPlane.kubectlPath)}:${process.env["PATH"]}`,
      },
    });

  /** Runs the fixes of what is found to be severe, one after the other, until nothing is; then the way is closed. */
  async function closedAgain(way: Way, before: readonly Finding[], cluster: boolean): Promise<void> {
    await bed.must("human", ["delete", "rolebinding/taken", "-n", "demo", "--ignore-not-found"]);
    for (let found = before; ; ) {
      const [worst] = found.filter((one) => one.openings.length > 0 && severe([one]).length > 0);
      if (worst === undefined) break;
      const fixes = worst.fix.filter(({ alternative }) => alternative !== true);
      for (const { command = "" } of fixes) await shell(command);
      if (worst.id === way.check && way.stays !== true) {
        await until("the way is closed", async () => !(await taken(way)));
        found = await findings();
      } else
        await until("the fix is in force", async () => {
          found = await findings();
          return found.every(({ id }) => id !== worst.id);
        });
    }
    expect(await taken(way)).to.equal(false);
    const where = cluster ? [] : ["-n", "demo"];
    const kinds = cluster ? "clusterrole,clusterrolebinding" : "role,rolebinding";
    await bed.must("human", ["delete", kinds, "way", "--ignore-not-found", ...where]);
  }

  /** Where taking it has left something open, that is found as well. */
  const again = async (way: Way, found: readonly Finding[]) => (way.stays === true ? findings() : found);

  function itNames(name: string, way: Way): void {
    it(`names ${name}`, async () => {
      const { cluster = false } = way;
      await opened(way);
      await until("the way is open", () => taken(way));
      const found = await findings();
      const named = found.filter(({ id }) => id === way.check);
      const places = named.flatMap(({ openings }) =>
        openings.map(({ grant }) => [grant?.binding, grant?.role, way.rules[grant?.ruleIndex ?? -1]]),
      );
      const object = (kind: string) => ({
        kind: `${cluster ? "Cluster" : ""}${kind}`,
        namespace: cluster ? "" : "demo",
        name: "way",
      });
      const rule = way.rules.find((_, at) =>
        named.some(({ openings }) => openings.some(({ grant }) => grant?.ruleIndex === at)),
      );
      expect(JSON.stringify(places)).to.contain(
        JSON.stringify([object("RoleBinding"), object("Role"), rule]),
      );
      expect(named.map(({ severity }) => severity)).to.satisfy((all: string[]) =>
        all.every((one) => ["critical", "high"].includes(one)),
      );
      await closedAgain(way, await again(way, found), cluster);
    });
  }

  it("finds nothing severe where RBAC gives nothing", async () => {
    expect(severe(await findings())).to.deep.equal([]);
  });

  describe("while admission judges", () => {
    for (const [name, way] of Object.entries(PAST_ADMISSION)) itNames(name, way);

    it("tells what only admission closes, and not as severe", async () => {
      const { rules } = PAST_RBAC["the answer to a deletecollection that is only tried"] ?? { rules: [] };
      await opened({ check: "secrets-answers", rules, take: async () => "" });
      await until("it is found", async () => (await findings()).some(({ id }) => id === "secrets-answers"));
      const found = await findings();
      expect(found.find(({ id }) => id === "secrets-answers")?.severity).to.equal("low");
      expect(severe(found)).to.deep.equal([]);
      const { text } = await agent({ method: "DELETE", path: "/api/v1/namespaces/demo/secrets?dryRun=All" });
      expect(text).to.contain("Forbidden").and.not.contain(SEEDED[1]);
      await bed.must("human", ["delete", "role,rolebinding", "way", "-n", "demo"]);
    });

    it("names the registrations' secret path, and who can read it there", async () => {
      await opened({
        check: "webhook-path",
        cluster: true,
        rules: [
          {
            apiGroups: ["admissionregistration.k8s.io"],
            resources: ["validatingwebhookconfigurations"],
            verbs: ["get"],
          },
        ],
        take: async () => "",
      });
      const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hoop";
      await until("it can be read", async () => /validate\/[0-9a-f]{48}/.test((await agent({ path })).text));
      expect(severe(await findings())).to.deep.equal(["webhook-path"]);
      await bed.must("human", ["delete", "clusterrole,clusterrolebinding", "way"]);
      await until("it is closed", isClear);
    });
  });

  it("names it in the plugin's report, and exits by the severity asked for", async () => {
    await opened({
      check: "secrets-read",
      rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }],
      take: async () => "",
    });
    await until("it is found", async () => severe(await findings()).includes("secrets-read"));
    const args = ["doctor", "--agent-kubeconfig", bed.kubeconfig("agent")];
    const { code, stdout, stderr } = await hoop(bed, "human", args);
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: "" });
    expect(stdout).to.contain("CRITICAL  secrets-read: agent: reads Secrets\n");
    expect(stdout).to.contain(
      "          open: get secrets in demo\n            by RoleBinding demo/way → Role demo/way → rule 0: " +
        '{apiGroups: [""], resources: ["secrets"], verbs: ["get"]}\n',
    );
    expect(stdout).to.contain("kubectl patch role/way -n demo --type=json -p '[");
    await bed.must("human", ["delete", "role,rolebinding", "way", "-n", "demo"]);
    await until("it is closed", isClear);
    const after = await hoop(bed, "human", [
      "doctor",
      "--agent",
      "agent",
      "--group",
      "hoop:agents",
      "-o",
      "json",
    ]);
    expect(after.code).to.equal(0);
    const strict = await hoop(bed, "human", [...args, "--fail-on", "medium", "-o", "sarif"]);
    expect(strict.code).to.equal(1);
    expect(strict.stdout).to.contain('"ruleId": "authorization-webhook"');
  });

  it("exits with 2 for who may not ask, and needs no more than the guide's ClusterRole", async () => {
    const refused = await hoop(bed, "approver", ["doctor"]);
    expect(refused.code).to.equal(2);
    expect(refused.stderr).to.contain("forbidden");
    const [, manifest = ""] = /```yaml\n(.*?)```/s.exec(await readFile(GUIDE, "utf8")) ?? [];
    await bed.must("human", ["apply", "-f", "-"], { input: manifest });
    const subject = { apiGroup: API_GROUP, kind: "User", name: "approver" };
    await bed.apply([binding("hoop-doctor", true, subject)]);
    await until("it is enough", async () => (await hoop(bed, "approver", ["doctor"])).code === 0);
    const { stdout } = await hoop(bed, "approver", ["doctor", "-o", "json"]);
    const { notChecked } = JSON.parse(stdout) as { notChecked: { could: boolean }[] };
    expect(notChecked.filter(({ could }) => could)).to.deep.equal([]);
  });

  describe("where nothing judges either", () => {
    before(async () => {
      await bed.must("human", ["delete", "validatingwebhookconfiguration", "hoop"]);
      await until("writes pass", async () => {
        const found = await findings();
        return found.some(({ id }) => id === "registration-missing");
      });
    });

    it("says that nothing judges", async () => {
      expect(severe(await findings())).to.deep.equal(["registration-missing"]);
    });
    for (const [name, way] of Object.entries(PAST_RBAC)) itNames(name, way);
  });
});

function role(name: string, cluster: boolean, rules: readonly object[]): object {
  const metadata = cluster ? { name } : { name, namespace: "demo" };
  return { apiVersion: `${API_GROUP}/v1`, kind: cluster ? "ClusterRole" : "Role", metadata, rules };
}

function binding(name: string, cluster: boolean, subject: object): object {
  const kind = cluster ? "ClusterRole" : "Role";
  return {
    apiVersion: `${API_GROUP}/v1`,
    kind: `${kind}Binding`,
    metadata: cluster ? { name } : { name, namespace: "demo" },
    roleRef: { apiGroup: API_GROUP, kind, name },
    subjects: [subject],
  };
}
