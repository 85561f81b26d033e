/** Through a session: Helm, and what is written with client-go. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { helm, probe } from "#controlplane/build.ts";
import { RELEASE_RULES } from "../../local/session-tour.ts";
import { informer } from "../support/probe.ts";
import { type Begun, begin, profiled } from "../support/session.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const ALL = ["get", "list", "watch", "create", "update", "patch", "delete"];
const RULES = [
  { apiGroups: [""], resources: ["configmaps", "secrets"], verbs: ALL },
  { apiGroups: ["hoop.dev"], resources: ["secure-secrets"], verbs: ALL },
];
/** Helm keeps what it has released in Secrets of its own: nobody is to be asked about those, and what it removes here. */
const RELEASES = {
  ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentPolicy", metadata: { name: "helm-releases" } },
  spec: {
    catalogue: [
      ...RELEASE_RULES,
      { rule: "data-delete", mode: "Off", when: "oldObject.metadata.name == 'shop'" },
    ],
  },
};
const CHART = {
  "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
  "values.yaml": "colour: red\n",
  "templates/map.yaml":
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: '{{ .Release.Name }}' }\n" +
    "data: { colour: '{{ .Values.colour }}' }\n",
};

describe("clients in a session", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let session: Begun;
  let program: string;
  let directory: string;

  before(async function () {
    this.timeout(1_200_000);
    program = await helm();
    await probe();
    directory = await mkdtemp(join(tmpdir(), "hoop-helm-"));
    await mkdir(join(directory, "templates"));
    for (const [name, text] of Object.entries(CHART)) await writeFile(join(directory, name), text);
    bed = await startTestbed();
    const bot = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
    await bed.apply([...profiled("bot", {}, RULES), RELEASES]);
    await bed.must("human", ["wait", "agentpolicy/helm-releases", "--for=condition=Ready", "--timeout=60s"]);
    session = await begin(bed, bot, { profile: "bot" });
  });
  after(async () => {
    await bed?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function helmed(...args: string[]): Promise<string> {
    const env = {
      ...{ PATH: process.env["PATH"], HOME: directory, HELM_NAMESPACE: "demo" },
      KUBECONFIG: bed.kubeconfig(session.who),
    };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    execFile(program, args, { env, cwd: directory }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`helm ${args.join(" ")}: ${stderr}`)),
    );
    return promise;
  }
  const colour = () =>
    bed.must("human", ["get", "configmap", "shop", "-n", "demo", "-o", "jsonpath={.data.colour}"]);
  const listed = async () =>
    (JSON.parse(await helmed("list", "-o", "json")) as object[]).map((release) =>
      "revision" in release && "status" in release ? `${release.revision} ${release.status}` : "",
    );

  it("let Helm install, upgrade, list, roll back and uninstall", async () => {
    await helmed("install", "shop", ".");
    expect(await colour()).to.equal("red");
    expect(await listed()).to.deep.equal(["1 deployed"]);
    await helmed("upgrade", "shop", ".", "--set", "colour=blue");
    expect(await colour()).to.equal("blue");
    expect(JSON.parse(await helmed("get", "values", "shop", "-o", "json"))).to.deep.equal({ colour: "blue" });
    await helmed("rollback", "shop", "1");
    expect(await colour()).to.equal("red");
    expect(await listed()).to.deep.equal(["3 deployed"]);
    await helmed("uninstall", "shop");
    expect(await listed()).to.deep.equal([]);
    const left = await bed.must("human", ["get", "configmaps,secrets", "-n", "demo", "-o", "name"]);
    expect(left).to.not.contain("shop");
  });

  for (const watchList of [true, false])
    it(`keep an informer in step that ${watchList ? "streams its list" : "lists and watches"}`, async () => {
      const made = (name: string) => bed.must("human", ["create", "configmap", name, "-n", "demo"]);
      const [first, second] = [`first-${watchList}`, `second-${watchList}`];
      await made(first);
      const target = { group: "", resource: "configmaps", kind: "ConfigMap", namespace: "demo" };
      const kubeconfig = bed.kubeconfig(session.who);
      const following = await informer("inform-dynamic", { ...target, kubeconfig }, { watchList });
      await following.until(({ event }) => event === "synced");
      await made(second);
      await following.until(({ event, name }) => event === "add" && name === second);
      await bed.must("human", ["label", "configmap", first, "-n", "demo", "a=b"]);
      await following.until(({ event, name }) => event === "update" && name === first);
      await bed.must("human", ["delete", "configmap", second, "-n", "demo"]);
      await following.until(({ event, name }) => event === "delete" && name === second);
      await following.stop();
    });
});
