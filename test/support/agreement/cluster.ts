/**
 * A kube-apiserver whose own admission policies judge dry-run writes, and which shows the AdmissionReview of each: what
 * it came to there, and the very request that a webhook gets.
 */
import { open } from "node:fs/promises";
import { Agent, createServer, request, type Server } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import type { JsonObject } from "#core/admission.ts";
import { credentialsIn } from "../raw.ts";

export const GROUP = "agreement.example.com";

/** Who writes, whom RBAC lets do everything, by impersonation: so that there is `extra`. */
const WRITER = {
  "impersonate-user": "bob",
  "impersonate-group": ["dev", "ops"],
  "impersonate-extra-scopes": "a",
};

export interface Write {
  method: "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: object;
  type?: string;
}

export interface Written {
  code: number;
  body: string;
  /** The texts of its warnings. */
  warnings: readonly string[];
  /** Of its audit event. */
  annotations: Readonly<Record<string, string>>;
  /** The AdmissionReview, as it was sent. Empty where there was none. */
  review: string;
}

export interface Cluster {
  plane: ControlPlane;
  /** As the administrator; rejects unless it is answered below 300. */
  make(path: string, body: object): Promise<void>;
  /** As the administrator, whatever the answer. */
  tried(path: string, body: object): Promise<{ code: number; body: string }>;
  /** As the administrator; null where there is none. */
  read(path: string): Promise<JsonObject | null>;
  /** A dry run as the writer. One at a time. */
  write(write: Write): Promise<Written>;
  stop(): Promise<void>;
}

interface Answer {
  code: number;
  body: string;
  warnings: readonly string[];
}

type Send = (call: {
  method: string;
  path: string;
  body?: object | undefined;
  type?: string | undefined;
  headers?: Record<string, string | string[]>;
}) => Promise<Answer>;

async function sender(kubeconfig: string): Promise<{ send: Send; close: () => void }> {
  const { identity, port } = await credentialsIn(kubeconfig);
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, ...identity });
  const send: Send = ({ method, path, body, type = "application/json", headers }) =>
    new Promise((resolve, reject) => {
      const sending = body === undefined ? undefined : JSON.stringify(body);
      const content =
        sending === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(sending) };
      const options = { host: "127.0.0.1", port, method, path, agent, maxHeaderSize: 1 << 20 };
      const sent = request({ ...options, headers: { ...content, ...headers } }, (response) => {
        const warnings = (response.headersDistinct["warning"] ?? []).map(warningText);
        text(response).then(
          (said) => resolve({ code: response.statusCode ?? 0, body: said, warnings }),
          reject,
        );
      });
      sent.once("error", reject);
      sent.end(sending);
    });
  return { send, close: () => agent.destroy() };
}

/** Of `299 - "TEXT"`. */
const warningText = (header: string): string =>
  header.replace(/^299 - "(.*)"$/s, "$1").replaceAll(/\\(.)/gs, "$1");

/** A webhook that lets everything through, and keeps the last review. */
async function witness(): Promise<{ server: Server; port: number; ca: string; last: () => string }> {
  const authority = createAuthority("witness", 1);
  const { certificate: cert, key } = issueServing(authority, { dns: ["localhost"], ips: ["127.0.0.1"] }, 1);
  const port = await claimPort();
  let last = "";
  const server = createServer({ cert, key }, (incoming, response) => {
    text(incoming).then((body) => {
      last = body;
      const { apiVersion, kind, request: asked } = JSON.parse(body);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, allowed: true } }));
    }, response.destroy);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const taken = () => {
    const said = last;
    last = "";
    return said;
  };
  return { server, port, ca: authority.certificate, last: taken };
}

const registration = (port: number, ca: string): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "witness" },
  webhooks: [
    {
      name: "witness.example.com",
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      clientConfig: {
        url: `https://127.0.0.1:${port}/`,
        caBundle: Buffer.from(ca).toString("base64"),
      },
      rules: [{ apiGroups: [GROUP, "", "apps"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"] }],
      matchConditions: [{ name: "writer", expression: "request.userInfo.username == 'bob'" }],
    },
  ],
});

/** Kinds whose objects hold whatever one likes. */
const kind = (plural: string, kind: string, scope: "Namespaced" | "Cluster"): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${GROUP}` },
  spec: {
    group: GROUP,
    scope,
    names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
});

const MAY_EVERYTHING: object = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "dev" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "dev" }],
};

const AUDIT: object = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    {
      level: "Metadata",
      users: ["admin"],
      verbs: ["create", "update", "patch", "delete", "deletecollection"],
    },
    { level: "None" },
  ],
};

const API = {
  crd: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
  binding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  webhook: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
};

/** Where the objects of a test are written. */
export const things = (namespace: string): string => `/apis/${GROUP}/v1/namespaces/${namespace}/things`;

export async function startCluster(): Promise<Cluster> {
  const plane = await startControlPlane({ auditPolicy: AUDIT });
  const seen = await witness();
  const { send, close } = await sender(plane.adminKubeconfig);
  const read = async (path: string): Promise<JsonObject | null> => {
    const { code, body } = await send({ method: "GET", path });
    if (code !== 200 && code !== 404) throw new Error(`${path}: ${code} ${body}`);
    return code === 404 ? null : JSON.parse(body);
  };
  const audited = auditReader(join(plane.directory, "logs", "audit.log"));
  const stop = async () => {
    close();
    await audited.close();
    seen.server.close();
    seen.server.closeAllConnections();
    await releasePort(seen.port);
    await plane.stop();
  };
  const tried = (path: string, body: object) => send({ method: "POST", path, body });
  const make = async (path: string, body: object): Promise<void> => {
    const { code, body: said } = await tried(path, body);
    if (code >= 300) throw new Error(`${path}: ${code} ${said}`);
  };
  let writes = 0;
  const write = async ({ method, path, body, type }: Write): Promise<Written> => {
    const id = `write-${++writes}`;
    seen.last();
    const answer = await send({
      method,
      path: `${path}${path.includes("?") ? "&" : "?"}dryRun=All`,
      body,
      type,
      headers: { ...WRITER, "audit-id": id },
    });
    return { ...answer, annotations: await audited.of(id), review: seen.last() };
  };
  try {
    await make(API.crd, kind("things", "Thing", "Namespaced"));
    await make(API.crd, kind("wholes", "Whole", "Cluster"));
    await make(API.crd, kind("limits", "Limit", "Namespaced"));
    await make(API.binding, MAY_EVERYTHING);
    await make(API.webhook, registration(seen.port, seen.ca));
    for (const plural of ["things", "wholes", "limits"]) await untilSeen(send, plural);
    return { plane, make, tried, read, write, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilSeen(send: Send, plural: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const { code, body } = await send({ method: "GET", path: `/apis/${GROUP}/v1/${plural}` });
    if (code === 200) return;
    if (attempt > 600) throw new Error(`${plural} are not served: ${body}`);
    await delay(100);
  }
}

/** The annotations of the write with that audit id, once they are in the log. */
function auditReader(file: string): {
  of: (id: string) => Promise<Record<string, string>>;
  close: () => Promise<void>;
} {
  const known = new Map<string, Record<string, string>>();
  const opened = open(file, "r");
  const chunk = Buffer.alloc(1 << 20);
  let rest = Buffer.alloc(0);
  const read = async () => {
    const handle = await opened;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) return;
      rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      const end = rest.lastIndexOf(10);
      for (const line of rest.toString("utf8", 0, Math.max(0, end)).split("\n")) {
        if (line === "") continue;
        const { auditID, annotations = {} } = JSON.parse(line);
        known.set(auditID, annotations);
      }
      rest = rest.subarray(end + 1);
    }
  };
  const of = async (id: string) => {
    for (let attempt = 0; attempt < 1_500; attempt++) {
      await read();
      const found = known.get(id);
      if (found !== undefined) {
        known.delete(id);
        return found;
      }
      await delay(20);
    }
    throw new Error(`no audit event ${id}`);
  };
  return { of, close: async () => (await opened).close() };
}
