/** The floor of what goes through a session: a broker in Go that masks and records nothing, behind an API of its own. */
import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { claimPort } from "#controlplane/ports.ts";
import type { Testbed } from "../support/testbed.ts";
import type { Identity } from "./load.ts";

export interface NullBroker {
  pid: number;
  /** What follows the API server's address. */
  path: string;
  stop(): void;
}

export interface As {
  /** Whose credentials it has, */
  identity: Identity;
  /** and what it says beside: as whom the API server is to take each request. */
  headers: Readonly<Record<string, string>>;
  /** Who may use it. */
  user: string;
}

const SOURCE = join(import.meta.dirname, "null-broker");
const [GROUP, SERVICE, NAMESPACE] = ["bench.dev", "null-broker", "bench-null-broker"];
const PATH = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/sessions/null/proxy`;

/** Built, started and registered; resolves when the API server passes on what it is sent. */
export async function startNullBroker(bed: Testbed, scratch: string, as: As): Promise<NullBroker> {
  const program = join(scratch, "null-broker");
  const built = spawnSync("go", ["build", "-o", program, "."], { cwd: SOURCE, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  const authority = createAuthority("bench CA", 1);
  const pair = issueServing(authority, { dns: [`${SERVICE}.${NAMESPACE}.svc`], ips: ["127.0.0.1"] }, 7);
  const written = async (name: string, content: string) => {
    const file = join(scratch, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  const files = [
    await written("null-broker.crt", pair.certificate),
    await written("null-broker.key", pair.key),
    await written("null-broker.json", JSON.stringify({ ...as.identity, headers: as.headers })),
  ];
  const port = await claimPort();
  const child = spawn(program, [`127.0.0.1:${port}`, ...files], { stdio: "ignore" });
  if (child.pid === undefined) throw new Error("the null broker did not start");
  await bed.controlPlane.createNamespace(NAMESPACE);
  await bed.apply(registration(port, authority.certificate, as.user));
  await bed.must("human", ["wait", "--for=condition=Available", `apiservice/v1.${GROUP}`, "--timeout=60s"]);
  return { pid: child.pid, path: PATH, stop: () => void child.kill() };
}

function registration(port: number, ca: string, user: string): object[] {
  const metadata = { name: "null-broker" };
  const rbac = "rbac.authorization.k8s.io";
  return [
    {
      ...{ apiVersion: "v1", kind: "Service", metadata: { ...metadata, namespace: NAMESPACE } },
      spec: { type: "ExternalName", externalName: "localhost" },
    },
    {
      ...{ apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: { name: `v1.${GROUP}` } },
      spec: {
        ...{ group: GROUP, version: "v1", groupPriorityMinimum: 100, versionPriority: 100 },
        service: { namespace: NAMESPACE, name: SERVICE, port },
        caBundle: Buffer.from(ca).toString("base64"),
      },
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata },
      rules: [{ apiGroups: [GROUP], resources: ["sessions/proxy"], verbs: ["*"] }],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: "ClusterRoleBinding", metadata },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "null-broker" },
      subjects: [{ apiGroup: rbac, kind: "User", name: user }],
    },
  ];
}
