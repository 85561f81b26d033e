import { expect } from "chai";
import type { AdmissionRequest, Json, JsonObject } from "#core/admission.ts";
import { changesBetween } from "#core/digest/changes.ts";
import { type DigestOptions, digestOf } from "#core/digest.ts";
import { parseJson } from "#core/json.ts";
import { on, request, update } from "./requests.ts";

const agent = { username: "agent" };
const digest = (one: AdmissionRequest, options?: DigestOptions) => digestOf(one, agent, options).digest;
const intent = (one: AdmissionRequest, options?: DigestOptions) => digestOf(one, agent, options).intent;

const pod = (spec: JsonObject, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "demo", ...metadata },
  spec,
});

const tokenVolume = (name: string, changed: JsonObject = {}): JsonObject => ({
  name,
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
      { configMap: { items: [{ key: "ca.crt", path: "ca.crt" }], name: "kube-root-ca.crt" } },
      {
        downwardAPI: {
          items: [{ fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" }, path: "namespace" }],
        },
      },
    ],
    ...changed,
  },
});

const podWithToken = (name: string, changed?: JsonObject) =>
  pod({
    volumes: [tokenVolume(name, changed)],
    containers: [
      {
        name: "web",
        image: "web:1",
        volumeMounts: [{ name, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }],
      },
    ],
    initContainers: [{ name: "init", image: "init:1", volumeMounts: [{ name, mountPath: "/token" }] }],
  });

const job = (uid: string, name: string, manualSelector = false, labels: JsonObject = {}): JsonObject => ({
  metadata: { name, uid, generateName: "job-" },
  spec: {
    manualSelector,
    selector: { matchLabels: { "batch.kubernetes.io/controller-uid": uid } },
    template: {
      metadata: {
        labels: {
          "controller-uid": uid,
          "batch.kubernetes.io/controller-uid": uid,
          "job-name": name,
          "batch.kubernetes.io/job-name": name,
          ...labels,
        },
      },
    },
  },
});

/** A Service as validating admission sees it; `owned` are the fields the client set. */
const service = (ip: string, nodePort: number, owned: JsonObject | undefined): JsonObject => ({
  metadata: {
    name: "web",
    uid: ip,
    ...(owned === undefined
      ? {}
      : { managedFields: [{ manager: "kubectl", operation: "Update", fieldsV1: { "f:spec": owned } }] }),
  },
  spec: {
    type: "NodePort",
    clusterIP: ip,
    clusterIPs: [ip],
    ports: [{ port: 80, protocol: "TCP", targetPort: 8080, nodePort }],
  },
});
const nobodys = { "f:type": {}, "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } } };
const clientsIp = { ...nobodys, "f:clusterIP": {} };
const clientsPort = { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:nodePort": {} } } };

function allocatedOnUpdate(nodePort: number): AdmissionRequest {
  const before = { metadata: { uid: "1" }, spec: { type: "ClusterIP" } };
  return update(before, service("10.0.0.1", nodePort, clientsIp), on("", "services"));
}

type Pair = [one: AdmissionRequest, other: AdmissionRequest];
const create = (group: string, resource: string, object: JsonObject, parts: Partial<AdmissionRequest> = {}) =>
  request({ ...on(group, resource), object, ...parts });
const configMap = (data: JsonObject, metadata: JsonObject = {}) =>
  request({ object: { kind: "ConfigMap", metadata: { name: "thing", ...metadata }, data } });

const SAME: Record<string, Pair> = {
  "another uid of the review, another credential, a dry run": [
    configMap({ a: "1" }),
    {
      ...configMap({ a: "1" }),
      uid: "2",
      dryRun: true,
      userInfo: {
        username: "agent",
        uid: "9",
        groups: [],
        extra: new Map([["authentication.kubernetes.io/credential-id", ["JTI=2"]]]),
      },
      options: { kind: "CreateOptions", fieldManager: "kubectl", dryRun: ["All"] },
    },
  ],
  "another order of members": [
    request({ object: { a: 1, b: { c: 2, d: 3 } } }),
    request({ object: { b: { d: 3, c: 2 }, a: 1 } }),
  ],
  "other system metadata": [
    configMap(
      {},
      {
        uid: "1",
        generation: 1,
        creationTimestamp: "2026-01-01T00:00:00Z",
        managedFields: [{ manager: "a" }],
      },
    ),
    configMap(
      {},
      { uid: "2", resourceVersion: "5", creationTimestamp: "2026-01-01T00:00:09Z", selfLink: "/x" },
    ),
  ],
  "another generated name": [
    request({ name: "a-x7k2p", object: { metadata: { generateName: "a-", name: "a-x7k2p" } } }),
    request({ name: "a-9qqqq", object: { metadata: { generateName: "a-", name: "a-9qqqq" } } }),
  ],
  "another time of a scheduling gate's condition": [
    create("", "pods", {
      status: { conditions: [{ type: "PodScheduled", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
    }),
    create("", "pods", {
      status: { conditions: [{ type: "PodScheduled", lastTransitionTime: "2026-01-01T00:00:02Z" }] },
    }),
  ],
  "the UUID that names a LimitRange without a name": [
    create(
      "",
      "limitranges",
      { metadata: { name: "a89fc1f5-7728-4160-bd6e-0a2266536292" } },
      { name: "a89fc1f5-7728-4160-bd6e-0a2266536292" },
    ),
    create(
      "",
      "limitranges",
      { metadata: { name: "0d0c9cbe-7f0e-4b5e-9c8e-cf1f3d2f7b11" } },
      { name: "0d0c9cbe-7f0e-4b5e-9c8e-cf1f3d2f7b11" },
    ),
  ],
  "another name of the token volume": [
    create("", "pods", podWithToken("kube-api-access-x7k2p")),
    create("", "pods", podWithToken("kube-api-access-bbbbb")),
  ],
  "another uid and generated name in a Job's labels": [
    create("batch", "jobs", job("uid-1", "job-bbbbb"), { name: "job-bbbbb" }),
    create("batch", "jobs", job("uid-2", "job-ccccc"), { name: "job-ccccc" }),
  ],
  "another generated name in a Namespace's label": [
    create(
      "",
      "namespaces",
      {
        metadata: {
          generateName: "a-",
          name: "a-bbbb4",
          labels: { "kubernetes.io/metadata.name": "a-bbbb4" },
        },
      },
      { name: "", namespace: "" },
    ),
    create(
      "",
      "namespaces",
      {
        metadata: {
          generateName: "a-",
          name: "a-cccc4",
          labels: { "kubernetes.io/metadata.name": "a-cccc4" },
        },
      },
      { name: "", namespace: "" },
    ),
  ],
  "other allocated addresses and ports": [
    create("", "services", service("10.0.0.1", 30001, nobodys)),
    create("", "services", service("10.0.0.2", 30002, nobodys)),
  ],
  "another caller's data in a CSR": [
    create("certificates.k8s.io", "certificatesigningrequests", {
      spec: { request: "x", username: "agent", extra: { "credential-id": ["1"] } },
    }),
    create("certificates.k8s.io", "certificatesigningrequests", {
      spec: { request: "x", username: "agent", extra: { "credential-id": ["2"] }, groups: ["a"] },
    }),
  ],
  "another time of a PersistentVolume's first phase": [
    create("", "persistentvolumes", {
      status: { phase: "Pending", lastPhaseTransitionTime: "2026-01-01T00:00:00Z" },
    }),
    create("", "persistentvolumes", {
      status: { phase: "Pending", lastPhaseTransitionTime: "2026-01-01T00:10:00Z" },
    }),
  ],
  "another default time of a device taint": [
    create("resource.k8s.io", "devicetaintrules", {
      metadata: { creationTimestamp: "2026-01-01T00:00:01Z" },
      spec: { taint: { timeAdded: "2026-01-01T00:00:00Z" } },
    }),
    create("resource.k8s.io", "devicetaintrules", {
      metadata: { creationTimestamp: "2026-01-01T00:10:01Z" },
      spec: { taint: { timeAdded: "2026-01-01T00:10:01Z" } },
    }),
  ],
  "an update on another generation and resourceVersion": [
    update(
      { metadata: { uid: "1", generation: 4, resourceVersion: "7" }, spec: { a: 1 } },
      { metadata: { uid: "1", generation: 5, resourceVersion: "7" }, spec: { a: 2 } },
    ),
    update(
      { metadata: { uid: "1", generation: 8, resourceVersion: "9" }, spec: { a: 1 } },
      { metadata: { uid: "1", generation: 9 }, spec: { a: 2 } },
    ),
  ],
  "a change elsewhere in the object in the meantime": [
    update({ spec: { replicas: 1, paused: false } }, { spec: { replicas: 2, paused: false } }),
    update({ spec: { replicas: 1, paused: true } }, { spec: { replicas: 2, paused: true } }),
  ],
  "a change of another container, in the labels of a Deployment": [
    update(
      pod({ containers: [{ name: "a", image: "a", args: ["1"] }] }, { labels: { x: "1" } }),
      pod({ containers: [{ name: "a", image: "a", args: ["1"] }] }, { labels: { x: "2" } }),
    ),
    update(
      pod({ containers: [{ name: "a", image: "a", args: ["9"] }] }, { labels: { x: "1" } }),
      pod({ containers: [{ name: "a", image: "a", args: ["9"] }] }, { labels: { x: "2" } }),
    ),
  ],
  "a DaemonSet's template generation, which the server counts": [
    update(
      { metadata: { annotations: { "deprecated.daemonset.template.generation": "1" } }, spec: { a: 1 } },
      { metadata: { annotations: { "deprecated.daemonset.template.generation": "2" } }, spec: { a: 2 } },
      on("apps", "daemonsets"),
    ),
    update(
      { metadata: { annotations: { "deprecated.daemonset.template.generation": "5" } }, spec: { a: 1 } },
      { metadata: { annotations: { "deprecated.daemonset.template.generation": "6" } }, spec: { a: 2 } },
      on("apps", "daemonsets"),
    ),
  ],
  "a node port allocated on update": [allocatedOnUpdate(30001), allocatedOnUpdate(30002)],
  "a delete asked as a dry run": [
    request({
      operation: "DELETE",
      oldObject: { metadata: { uid: "1" } },
      options: { gracePeriodSeconds: 0 },
    }),
    request({
      operation: "DELETE",
      oldObject: { metadata: { uid: "1", resourceVersion: "8" } },
      options: { gracePeriodSeconds: 0, dryRun: ["All"] },
    }),
  ],
};

const container = (parts: JsonObject) => pod({ containers: [{ name: "web", image: "web:1", ...parts }] });
const exec = (options: JsonObject) =>
  request({
    ...on("", "pods"),
    subresource: "exec",
    operation: "CONNECT",
    object: { kind: "PodExecOptions", ...options },
  });

const DIFFERENT: Record<string, Pair> = {
  "another value": [configMap({ a: "1" }), configMap({ a: "2" })],
  "another type of value": [request({ object: { a: 1 } }), request({ object: { a: "1" } })],
  "another namespace": [configMap({}), { ...configMap({}), namespace: "other" }],
  "another name": [configMap({}), { ...configMap({}), name: "other" }],
  "another subresource": [configMap({}), { ...configMap({}), subresource: "status" }],
  "another version of the resource": [
    configMap({}),
    { ...configMap({}), resource: { group: "", version: "v2", resource: "configmaps" } },
  ],
  "another reason given": [
    configMap({}, { annotations: { "hoop.dev/reason": "a" } }),
    configMap({}, { annotations: { "hoop.dev/reason": "b" } }),
  ],
  "a name given beside generateName": [
    request({ name: "a-1", object: { metadata: { generateName: "a-", name: "a-1" } } }),
    request({ name: "a-2", object: { metadata: { generateName: "a-", name: "a-2" } } }),
  ],
  "neighbouring integers beyond 2^53": [
    request({ object: parseJson('{"n":9007199254740992}') as JsonObject }),
    request({ object: parseJson('{"n":9007199254740993}') as JsonObject }),
  ],
  "a volume of the token volume's name that holds something else": [
    create("", "pods", podWithToken("kube-api-access-x7k2p")),
    create("", "pods", podWithToken("kube-api-access-x7k2p", { defaultMode: 511 })),
  ],
  "two such volumes of other names": [
    create("", "pods", podWithToken("kube-api-access-x7k2p", { sources: [] })),
    create("", "pods", podWithToken("kube-api-access-bbbbb", { sources: [] })),
  ],
  "a token volume under a name that the server would not choose": [
    create("", "pods", podWithToken("kube-api-access-x7k2p")),
    create("", "pods", podWithToken("kube-api-access-aaaaa")),
  ],
  "a Job's own label": [
    create("batch", "jobs", job("uid-1", "job", false, { app: "a" })),
    create("batch", "jobs", job("uid-1", "job", false, { app: "b" })),
  ],
  "a Job's labels where it selects by itself": [
    create("batch", "jobs", job("uid-1", "job", true)),
    create("batch", "jobs", job("uid-1", "job", true, { "job-name": "other" })),
  ],
  "an address that the client chose": [
    create("", "services", service("10.0.0.1", 30001, clientsIp)),
    create("", "services", service("10.0.0.2", 30001, clientsIp)),
  ],
  "a port that the client chose": [
    create("", "services", service("10.0.0.1", 30001, clientsPort)),
    create("", "services", service("10.0.0.1", 30002, clientsPort)),
  ],
  "an address where nobody tracks who set it": [
    create("", "services", service("10.0.0.1", 30001, undefined)),
    create("", "services", service("10.0.0.2", 30001, undefined)),
  ],
  "an update of another object": [
    update({ metadata: { uid: "1" }, a: 1 }, { metadata: { uid: "1" }, a: 2 }),
    update({ metadata: { uid: "2" }, a: 1 }, { metadata: { uid: "2" }, a: 2 }),
  ],
  "an update from another value": [update({ a: 1 }, { a: 3 }), update({ a: 2 }, { a: 3 })],
  "an update that removes instead of setting null": [update({ a: 1 }, {}), update({ a: 1 }, { a: null })],
  "the order of init containers": [
    update(pod({ initContainers: [] }), pod({ initContainers: [{ name: "a" }, { name: "b" }] })),
    update(pod({ initContainers: [] }), pod({ initContainers: [{ name: "b" }, { name: "a" }] })),
  ],
  "a place among init containers": [
    update(pod({ initContainers: [{ name: "a" }] }), pod({ initContainers: [{ name: "a" }, { name: "b" }] })),
    update(pod({ initContainers: [{ name: "a" }] }), pod({ initContainers: [{ name: "b" }, { name: "a" }] })),
  ],
  "the order of a command": [
    update(container({ command: ["a"] }), container({ command: ["a", "b", "c"] })),
    update(container({ command: ["a"] }), container({ command: ["a", "c", "b"] })),
  ],
  "the image beside a changed argument": [
    update(container({ args: ["1"] }), container({ args: ["2"] })),
    update(container({ args: ["1"], image: "web:2" }), container({ args: ["2"], image: "web:2" })),
  ],
  "another field of the container beside a changed variable": [
    update(container({ env: [{ name: "A", value: "1" }] }), container({ env: [{ name: "A", value: "2" }] })),
    update(
      container({ env: [{ name: "A", value: "1" }], workingDir: "/x" }),
      container({ env: [{ name: "A", value: "2" }], workingDir: "/x" }),
    ),
  ],
  "the image of a Pod whose label changes": [
    update(
      pod({ containers: [{ name: "a", image: "a:1" }] }, { labels: {} }),
      pod({ containers: [{ name: "a", image: "a:1" }] }, { labels: { x: "2" } }),
    ),
    update(
      pod({ containers: [{ name: "a", image: "a:2" }] }, { labels: {} }),
      pod({ containers: [{ name: "a", image: "a:2" }] }, { labels: { x: "2" } }),
    ),
  ],
  "a Secret that a pod template refers to": [
    update(
      { spec: { replicas: 1, template: podReading("a") } },
      { spec: { replicas: 2, template: podReading("a") } },
    ),
    update(
      { spec: { replicas: 1, template: podReading("b") } },
      { spec: { replicas: 2, template: podReading("b") } },
    ),
  ],
  "the roleRef beside changed subjects": [
    update(
      { roleRef: { name: "view" }, subjects: [] },
      { roleRef: { name: "view" }, subjects: [{ name: "x" }] },
      on("rbac.authorization.k8s.io", "rolebindings"),
    ),
    update(
      { roleRef: { name: "admin" }, subjects: [] },
      { roleRef: { name: "admin" }, subjects: [{ name: "x" }] },
      on("rbac.authorization.k8s.io", "rolebindings"),
    ),
  ],
  "the other rules beside a changed rule": [
    update(
      { rules: [{ verbs: ["get"], resources: ["pods"] }] },
      { rules: [{ verbs: ["*"], resources: ["pods"] }] },
    ),
    update(
      { rules: [{ verbs: ["get"], resources: ["secrets"] }] },
      { rules: [{ verbs: ["*"], resources: ["secrets"] }] },
    ),
  ],
  "two items of one merge key": [
    update(
      {
        volumes: [
          { name: "a", x: 1 },
          { name: "a", x: 2 },
        ],
      },
      {
        volumes: [
          { name: "a", x: 3 },
          { name: "a", x: 2 },
        ],
      },
    ),
    update(
      {
        volumes: [
          { name: "a", x: 1 },
          { name: "a", x: 2 },
        ],
      },
      {
        volumes: [
          { name: "a", x: 1 },
          { name: "a", x: 3 },
        ],
      },
    ),
  ],
  "a delete of another object of the same name": [
    request({ operation: "DELETE", oldObject: { metadata: { uid: "1" } } }),
    request({ operation: "DELETE", oldObject: { metadata: { uid: "2" } } }),
  ],
  "other options of a delete": [
    request({ operation: "DELETE", options: { propagationPolicy: "Background" } }),
    request({ operation: "DELETE", options: { propagationPolicy: "Orphan" } }),
  ],
  "another command": [exec({ command: ["ls"] }), exec({ command: ["sh"] })],
  "another split of the command": [exec({ command: ["ls -l"] }), exec({ command: ["ls", "-l"] })],
  "another container": [exec({ container: "a" }), exec({ container: "b" })],
  "standard input": [exec({}), exec({ stdin: true })],
};

function podReading(secret: string): JsonObject {
  return { spec: { containers: [{ name: "a", image: "a", envFrom: [{ secretRef: { name: secret } }] }] } };
}

const SAME_WISH_OTHER_GROUND = [
  "an update of another object",
  "an update from another value",
  "the image beside a changed argument",
  "another field of the container beside a changed variable",
  "the image of a Pod whose label changes",
  "a Secret that a pod template refers to",
  "the roleRef beside changed subjects",
  "the other rules beside a changed rule",
  "a delete of another object of the same name",
];

describe("core/digest: digestOf", () => {
  for (const [name, [one, other]] of Object.entries(SAME))
    it(`stays the same with ${name}`, () => {
      expect(digest(one)).to.equal(digest(other));
      expect(intent(one)).to.equal(intent(other));
    });

  for (const [name, [one, other]] of Object.entries(DIFFERENT))
    it(`changes with ${name}`, () => {
      expect(digest(one)).not.to.equal(digest(other));
      expect(intent(one) === intent(other)).to.equal(SAME_WISH_OTHER_GROUND.includes(name));
    });

  it("is two different SHA-256 hashes in hex", () => {
    const asked = digestOf(configMap({}), agent);
    expect(asked.digest)
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(asked.intent);
    expect(asked.intent).to.match(/^[0-9a-f]{64}$/);
  });

  it("belongs to one agent and one session", () => {
    const subjects = [
      { username: "a" },
      { username: "b" },
      { username: "a", session: "1" },
      { username: "a", session: "2" },
    ];
    expect(new Set(subjects.map((subject) => digestOf(configMap({}), subject).digest)).size).to.equal(4);
  });

  it("binds a CONNECT to the uid of its target, but not the wish", () => {
    const one = exec({ command: ["ls"] });
    expect(digest(one, { connectUid: "1" })).not.to.equal(digest(one, { connectUid: "2" }));
    expect(intent(one, { connectUid: "1" })).to.equal(intent(one, { connectUid: "2" }));
    expect(digest(one, { connectUid: "" })).to.equal(digest(one));
  });

  it("binds forwarded ports to those that there may be, but not the wish", () => {
    const one = exec({});
    const digests = [{}, { forwarded: [] }, { forwarded: [80] }].map((options) => digest(one, options));
    expect(new Set(digests).size).to.equal(3);
    expect(intent(one, { forwarded: [80] })).to.equal(intent(one));
  });

  it("gives a Namespace the same digest whatever namespace the review names", () => {
    const one = request({ ...on("", "namespaces"), operation: "DELETE", name: "prod", namespace: "prod" });
    expect(digest(one)).to.equal(digest({ ...one, namespace: "" }));
  });

  it("leaves volatile paths out, and nothing else", () => {
    const volatilePaths = [
      "metadata.annotations.example\\.com/seen",
      "spec.containers.*.env.*.value",
      "",
      "no.such.path",
    ];
    const of = (seen: string, value: string, name: string) =>
      digest(
        request({
          object: {
            metadata: { annotations: { "example.com/seen": seen } },
            spec: { containers: [{ env: [{ name, value }] }] },
          },
        }),
        { volatilePaths },
      );
    expect(of("1", "x", "A")).to.equal(of("2", "y", "A"));
    expect(of("1", "x", "A")).not.to.equal(of("1", "x", "B"));
  });

  it("leaves the request as it was", () => {
    const one = create("", "pods", podWithToken("kube-api-access-x7k2p"));
    const before = JSON.stringify(one.object);
    digest(one, { volatilePaths: ["spec"] });
    expect(JSON.stringify(one.object)).to.equal(before);
  });
});

const CHANGES: Record<string, [before: Json, after: Json, expected: Json]> = {
  "a value": [{ a: { b: 1 } }, { a: { b: 2 } }, [{ path: ["a", "b"], before: 1, after: 2 }]],
  "what came and what went": [
    { a: 1 },
    { b: null },
    [
      { path: ["a"], before: 1 },
      { path: ["b"], after: null },
    ],
  ],
  "an item by its merge key": [
    { containers: [{ name: "a" }, { name: "b", image: "1" }] },
    { containers: [{ name: "b", image: "2" }] },
    [
      { path: ["containers", { name: "a" }], before: { name: "a" } },
      { path: ["containers", { name: "b" }, "image"], before: "1", after: "2" },
    ],
  ],
  "a Service's port by port and protocol": [
    {
      ports: [
        { port: 53, protocol: "TCP", nodePort: 1 },
        { port: 53, protocol: "UDP", nodePort: 1 },
      ],
    },
    {
      ports: [
        { port: 53, protocol: "TCP", nodePort: 1 },
        { port: 53, protocol: "UDP", nodePort: 2 },
      ],
    },
    [{ path: ["ports", { port: 53, protocol: "UDP" }, "nodePort"], before: 1, after: 2 }],
  ],
  "a reordered keyed list as a whole": [
    { env: [{ name: "A" }, { name: "B" }] },
    { env: [{ name: "B" }, { name: "A" }] },
    [{ path: ["env"], before: [{ name: "A" }, { name: "B" }], after: [{ name: "B" }, { name: "A" }] }],
  ],
  "other lists by index": [
    { args: ["a", "b"] },
    { args: ["a", "c", "d"] },
    [
      { path: ["args", 1], before: "b", after: "c" },
      { path: ["args", 2], after: "d" },
    ],
  ],
  "nothing where only members are reordered": [
    { a: 1, b: [{ c: 1, d: 2 }] },
    { b: [{ d: 2, c: 1 }], a: 1 },
    [],
  ],
  "members named like what every object has": [
    {},
    parseJson('{"__proto__":{},"constructor":1,"toString":{}}'),
    [
      { path: ["__proto__"], after: {} },
      { path: ["constructor"], after: 1 },
      { path: ["toString"], after: {} },
    ],
  ],
};

describe("core/digest/changes: changesBetween", () => {
  for (const [name, [before, after, expected]] of Object.entries(CHANGES))
    it(`finds ${name}`, () => {
      expect(changesBetween(before as JsonObject, after as JsonObject)).to.deep.equal(expected);
    });
});
