import { expect } from "chai";
import { type Answered, failed, hoop, json, type Script } from "./scripted.ts";

const NOT_FOUND = failed("Error from server (NotFound): the server could not find the requested resource");
const item = (name: string, namespace?: string) => ({
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});

interface World {
  [resource: string]: { metadata: { name: string; namespace?: string } }[];
}

const INSTALLED: World = {
  namespaces: [item("hoop-system")],
  clusterroles: [item("hoop"), item("hoop-approver")],
  rolebindings: [item("hoop-authentication-reader", "kube-system"), item("inside", "hoop-system")],
  flowschemas: [item("hoop-agents")],
  prioritylevelconfigurations: [item("hoop-agents")],
  validatingwebhookconfigurations: [item("hoop")],
  mutatingadmissionpolicies: [item("hoop")],
  mutatingadmissionpolicybindings: [item("hoop")],
  apiservices: [item("v1alpha1.hoop.dev")],
};

const IN_ORDER = [
  "apiservices.v1.apiregistration.k8s.io v1alpha1.hoop.dev",
  "validatingwebhookconfigurations.v1.admissionregistration.k8s.io hoop",
  "mutatingadmissionpolicybindings.v1.admissionregistration.k8s.io hoop",
  "mutatingadmissionpolicies.v1.admissionregistration.k8s.io hoop",
  "flowschemas.v1.flowcontrol.apiserver.k8s.io hoop-agents",
  "prioritylevelconfigurations.v1.flowcontrol.apiserver.k8s.io hoop-agents",
  "rolebindings.v1.rbac.authorization.k8s.io hoop-authentication-reader",
  "clusterroles.v1.rbac.authorization.k8s.io hoop",
  "clusterroles.v1.rbac.authorization.k8s.io hoop-approver",
  "namespaces hoop-system",
];

/** A cluster that forgets what is deleted; a namespace, with what is in it, only after it was looked at some times. */
function cluster(world: World = structuredClone(INSTALLED), { looks = 2, refuses = "" } = {}) {
  let left = looks;
  const forget = (resource: string, fits: (metadata: { name: string; namespace?: string }) => boolean) => {
    world[resource] = (world[resource] ?? []).filter(({ metadata }) => !fits(metadata));
  };
  const remove = (resource: string, name: string, dryRun: boolean): Answered => {
    if (resource === refuses)
      return failed(`Error from server (Forbidden): ${resource} "x" is forbidden: no`);
    if (resource !== "namespaces" && !dryRun) forget(resource, (metadata) => metadata.name === name);
    return {};
  };
  const namespace = (name: string): Answered => {
    if (left-- > 0) return json({ status: { conditions: [CONTENT] } });
    forget("namespaces", (metadata) => metadata.name === name);
    for (const resource of Object.keys(world)) forget(resource, (metadata) => metadata.namespace === name);
    return NOT_FOUND;
  };
  return (args: readonly string[]): Answered => {
    const [verb, what = "", name = ""] = args;
    if (verb === "delete") return remove(what.split(".")[0] ?? "", name, args.includes("--dry-run=server"));
    const [path = "", query] = name.split("?");
    if (path.startsWith("/api/v1/namespaces/")) return namespace(path.split("/").at(-1) ?? "");
    const resource = path.split("/").at(-1) ?? "";
    if (resource === "mutatingwebhookconfigurations") return NOT_FOUND;
    expect(query).to.equal("labelSelector=app.kubernetes.io%2Fpart-of%3Dhoop");
    return json({ items: world[resource] ?? [] });
  };
}

const CONTENT = {
  type: "NamespaceContentRemaining",
  status: "True",
  message: "pods. has 1 resource instances.",
};

const uninstall = (args: string[], script: Script = {}) =>
  hoop(["uninstall", ...args], { answer: cluster(), ...script });
const deletes = (calls: string[][]) => calls.filter(([verb]) => verb === "delete");

describe("kubectl hoop uninstall", () => {
  it("deletes in the order in which nothing gets stuck, and waits for the namespace", async () => {
    const { calls, stdout, code } = await uninstall(["--yes", "--context", "prod"]);
    expect(code).to.equal(0);
    expect(deletes(calls).map(([, resource, name]) => `${resource} ${name}`)).to.deep.equal(IN_ORDER);
    expect(deletes(calls).every((args) => args.includes("--context=prod"))).to.equal(true);
    expect(
      stdout.match(/waiting for namespace hoop-system: pods\. has 1 resource instances\.\n/g),
    ).to.have.length(1);
    expect(stdout).to.contain("\nHoop is gone from this cluster.");
  });

  it("shows all of it and asks, on a terminal", async () => {
    const { asked, stdout, calls, code } = await uninstall([], { interactive: true, says: "n" });
    expect(asked).to.match(/^Delete these 10, /);
    expect(stdout).to.contain(
      "  rolebindings.rbac.authorization.k8s.io/hoop-authentication-reader in namespace kube-system\n",
    );
    expect(deletes(calls)).to.deep.equal([]);
    expect(code).to.equal(1);
    expect((await uninstall([], { interactive: true, says: "y" })).code).to.equal(0);
  });

  it("deletes nothing unasked where there is no terminal", async () => {
    const { calls, stderr, code } = await uninstall([]);
    expect(code).to.equal(1);
    expect(stderr).to.match(/pass --yes\. Nothing was deleted/);
    expect(deletes(calls)).to.deep.equal([]);
  });

  it("has nothing to do where nothing is", async () => {
    const { code, stdout, calls } = await uninstall(["--yes"], { answer: cluster({}) });
    expect(code).to.equal(0);
    expect(stdout).to.equal("Nothing of Hoop is in this cluster.\n");
    expect(deletes(calls)).to.deep.equal([]);
  });

  it("tries it without deleting", async () => {
    const client = await uninstall(["--dry-run", "client"]);
    expect(deletes(client.calls)).to.deep.equal([]);
    const server = await uninstall(["--dry-run", "server"]);
    expect(server.code).to.equal(0);
    expect(deletes(server.calls).every((args) => args.includes("--dry-run=server"))).to.equal(true);
  });

  it("stops at what it may not delete, and can be run again", async () => {
    const answer = cluster(undefined, { refuses: "flowschemas" });
    const { code, stderr, calls } = await uninstall(["--yes"], { answer });
    expect(code).to.equal(1);
    expect(stderr).to.equal("error: forbidden: no\n");
    expect(deletes(calls)).to.have.length(5);
  });

  it("says what a namespace waits for when that takes too long", async () => {
    const { code, stderr } = await uninstall(["--yes", "--timeout", "0s"]);
    expect(code).to.equal(1);
    expect(stderr).to.contain("namespace hoop-system is not gone yet: pods. has 1 resource instances.");
  });

  it("is refused a look before anything is deleted", async () => {
    const answer = (args: readonly string[]): Answered =>
      args[2]?.includes("/clusterroles?") ? failed("Error from server (Forbidden): x") : cluster()(args);
    const { code, calls } = await uninstall(["--yes"], { answer });
    expect(code).to.equal(1);
    expect(deletes(calls)).to.deep.equal([]);
  });
});
