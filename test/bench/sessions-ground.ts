/** What is there before anything is measured: a namespace full of ConfigMaps and Secrets, a pod, and sessions. */
import { randomBytes } from "node:crypto";
import { parse } from "yaml";
import { innerHeaders } from "#apiserver-ext/broker/request/headers.ts";
import { extrasOf } from "#core/session/extras.ts";
import type { Session } from "#core/session/session.ts";
import { HARMLESS, pod } from "../support/objects.ts";
import { type Begun, begin, profiled } from "../support/session.ts";
import type { Testbed, Who } from "../support/testbed.ts";
import { identityOf } from "./identity.ts";
import type { Identity } from "./load.ts";
import type { As } from "./null-broker.ts";
import { Http } from "./sessions-http.ts";

export const NAMESPACE = "demo";
/** With ten of them a megabyte. */
const TEXT_BYTES = 100 * 1024;
const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"];
const RULES = [
  { apiGroups: [""], resources: ["configmaps", "pods"], verbs: VERBS },
  { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"] },
];

export interface Ground {
  /** Who uses sessions, and who may do the same directly. */
  inside: Http;
  direct: Http;
  admin: Http;
  identities: { inside: Identity; direct: Identity; admin: Identity };
  kubeconfigs: { inside: string; admin: string };
  sessions: readonly Begun[];
}

export interface Size {
  /** MiB of the list. */
  mebibytes: number;
  /** Values of Secrets of the namespace. */
  values: number;
  sessions: number;
}

export async function prepared(bed: Testbed, size: Size): Promise<Ground> {
  const { url, adminKubeconfig } = bed.controlPlane;
  const bot: Who & { kubeconfig: string } = { kubeconfig: await bed.controlPlane.kubeconfig("bot") };
  const direct = await bed.controlPlane.kubeconfig("direct", ["hoop:agents"]);
  const terms = { maxSessions: size.sessions, requestsPerSecond: 10_000 };
  await bed.defaultAccount(NAMESPACE);
  await bed.apply([
    ...profiled("bot", terms, RULES),
    ...rightsOf("direct"),
    pod("web", { ...HARMLESS, nodeName: "node-1" }),
  ]);
  const admin = await identityOf(url, adminKubeconfig);
  const administrator = new Http(admin);
  await filled(administrator, size);
  const sessions: Begun[] = [];
  for (let n = 0; n < size.sessions; n++) sessions.push(await begin(bed, bot, { profile: "bot" }));
  const identities = {
    admin,
    inside: await identityOf(url, bot.kubeconfig),
    direct: await identityOf(url, direct),
  };
  return {
    ...{ identities, sessions },
    inside: new Http(identities.inside),
    direct: new Http(identities.direct),
    admin: administrator,
    kubeconfigs: { inside: bot.kubeconfig, admin: adminKubeconfig },
  };
}

/** As whom Hoop sends on what comes through the first session: its credentials, and what it says beside. */
export async function hoopIn(bed: Testbed, { inside, sessions: [first], identities }: Ground): Promise<As> {
  const { kubeconfig } = parse(bed.settingsYaml) as { kubeconfig: string };
  const found = await inside.must("GET", (first?.path ?? "").replace(/\/proxy$/, ""), undefined, true);
  const session = JSON.parse(found.text) as Session;
  const identity = { serviceAccount: session.status.serviceAccount, extras: extrasOf(session) };
  const headers = innerHeaders([], identity, { masked: true }) as Record<string, string>;
  return { identity: await identityOf(identities.inside.url, kubeconfig), headers, user: "bot" };
}

function rightsOf(name: string): object[] {
  const group = "rbac.authorization.k8s.io";
  return [
    { apiVersion: `${group}/v1`, kind: "ClusterRole", metadata: { name }, rules: RULES },
    {
      ...{ apiVersion: `${group}/v1`, kind: "ClusterRoleBinding", metadata: { name } },
      roleRef: { apiGroup: group, kind: "ClusterRole", name },
      subjects: [{ kind: "User", apiGroup: group, name }],
    },
  ];
}

/** Settings as people write them, with words and with what is in base64. */
function configMap(n: number): object {
  const line = (at: number) =>
    `server.${at}.host: host-${at}.example.com # ${randomBytes(12).toString("base64")}\n`;
  const text = Array.from({ length: TEXT_BYTES / 10 / 60 }, (_, at) => line(at)).join("");
  return {
    ...{ apiVersion: "v1", kind: "ConfigMap" },
    metadata: {
      name: `settings-${String(n).padStart(5, "0")}`,
      labels: { app: "bench", tier: `t-${n % 7}` },
    },
    data: { "application.yaml": text, mode: "production", workers: "16" },
  };
}

const KEYS = 20;

function secret(n: number): object {
  const data = Array.from({ length: KEYS }, (_, key) => [
    `key-${key}`,
    Buffer.from(randomBytes(24).toString("base64url")).toString("base64"),
  ]);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `secret-${n}` },
    data: Object.fromEntries(data),
  };
}

async function filled(admin: Http, { mebibytes, values }: Size): Promise<void> {
  const maps = Math.ceil((mebibytes * 2 ** 20) / (TEXT_BYTES / 10));
  const made = async (plural: string, count: number, make: (n: number) => object) => {
    let next = 0;
    const one = async () => {
      while (next < count)
        await admin.must("POST", `/api/v1/namespaces/${NAMESPACE}/${plural}`, make(next++));
    };
    await Promise.all(Array.from({ length: 16 }, one));
  };
  await made("configmaps", maps, configMap);
  await made("secrets", Math.ceil(values / KEYS), secret);
}
