/**
 * The values of Secrets, hunted by an agent whom RBAC lets do everything: no verb, representation, dry run or error
 * shows one, nor do approvals, records and Events.
 */
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { clusterScoped, deployment, type Manifest, namespaced, secret } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, credentialsIn, rawCaller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const PASSWORD = "s33ded-Pa55word-of-the-database";
const OTHER = "another-s33ded-value";
const IMMUTABLE = "imm0table-s33ded-value";
const VALUES = [PASSWORD, OTHER, IMMUTABLE];
/** A base64 text of it, whatever stands before: the three alignments, without the ends that depend on neighbours. */
const NEEDLES = VALUES.flatMap((value) => [
  value,
  ...[0, 1, 2].map((skip) =>
    Buffer.from(value.slice(skip, skip + 18))
      .toString("base64")
      .slice(0, 20),
  ),
]);

function expectNoValue(text: string, what: string): void {
  for (const needle of NEEDLES) expect(text.includes(needle), `${what} shows ${needle}`).to.equal(false);
}

const SECRETS = "/api/v1/namespaces/demo/secrets";
const DB = `${SECRETS}/db`;
const META = "as=PartialObjectMetadata;v=v1;g=meta.k8s.io";

const patch = (type: string, body: object | string, path = DB): Call => ({
  method: "PATCH",
  path,
  type,
  body,
});
const MERGE = "application/merge-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const APPLY = "application/apply-patch+yaml";

const READS: Readonly<Record<string, Call>> = {
  "a get": { path: DB },
  "a get as protobuf": { path: DB, accept: "application/vnd.kubernetes.protobuf" },
  "a get as CBOR": { path: DB, accept: "application/cbor" },
  "a get as YAML": { path: DB, accept: "application/yaml" },
  "a get as a Table": { path: DB, accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  "a get as a Table with objects": {
    path: `${DB}?includeObject=Object`,
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
  },
  "a get of the metadata, where the last applied values are": {
    path: DB,
    accept: `application/json;${META}`,
  },
  "a get of the metadata as protobuf": {
    path: DB,
    accept: `application/vnd.kubernetes.protobuf;${META}`,
  },
  "a list": { path: SECRETS },
  "a list of one": { path: `${SECRETS}?fieldSelector=metadata.name%3Ddb&limit=1` },
  "a list of the metadata": {
    path: SECRETS,
    accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  },
  "a list of all namespaces": { path: "/api/v1/secrets" },
  "a list as a Table": {
    path: "/api/v1/secrets?includeObject=Object",
    accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
  },
  "a watch": { path: `${SECRETS}?watch=1&timeoutSeconds=1` },
  "a watch of all": { path: "/api/v1/secrets?watch=true&timeoutSeconds=1" },
  "a watch by the old path": { path: "/api/v1/watch/secrets?timeoutSeconds=1" },
  "a watch by the old path in a namespace": {
    path: "/api/v1/watch/namespaces/demo/secrets?timeoutSeconds=1",
  },
  "a watch by the old path of one": { path: "/api/v1/watch/namespaces/demo/secrets/db?timeoutSeconds=1" },
  "a watch with initial events": {
    path: `${SECRETS}?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
  },
  "a get by an escaped path": { path: "/api/v1/namespaces/demo/%73ecrets/db" },
  "a get by an escaped slash": { path: "/api/v1/namespaces/demo/secrets%2Fdb" },
  "a get by a doubled slash": { path: "/api/v1//namespaces/demo/secrets/db" },
  "a get by a roundabout path": { path: "/api/v1/namespaces/demo/pods/../secrets/db" },
  "a HEAD": { method: "HEAD", path: DB },
};

const WRITES: Readonly<Record<string, Call>> = {
  "an empty merge patch": patch(MERGE, {}),
  "an empty strategic merge patch": patch(STRATEGIC, {}),
  "an empty JSON patch": patch(JSON_PATCH, []),
  "a merge patch as a dry run": patch(MERGE, { metadata: { labels: { a: "b" } } }, `${DB}?dryRun=All`),
  "a server-side apply": patch(
    APPLY,
    namespaced("v1", "Secret", "db"),
    `${DB}?fieldManager=mallory&force=true`,
  ),
  "a server-side apply as a dry run": patch(
    APPLY,
    namespaced("v1", "Secret", "db"),
    `${DB}?fieldManager=mallory&force=true&dryRun=All`,
  ),
  "a server-side apply of a name that is not there": patch(
    APPLY,
    namespaced("v1", "Secret", "new"),
    `${SECRETS}/new?fieldManager=mallory`,
  ),
  "a JSON patch that copies the value into a label": patch(JSON_PATCH, [
    { op: "add", path: "/metadata/labels", value: {} },
    { op: "copy", from: "/data/password", path: "/metadata/labels/x" },
  ]),
  "a JSON patch that copies the value where it cannot be": patch(JSON_PATCH, [
    { op: "copy", from: "/data/password", path: "/metadata/deletionTimestamp" },
  ]),
  "a JSON patch that tests the value": patch(JSON_PATCH, [
    { op: "test", path: "/data/password", value: "guess" },
  ]),
  "a patch of an immutable Secret": patch(MERGE, { data: { password: "Z3Vlc3M=" } }, `${SECRETS}/immutable`),
  "a PUT": { method: "PUT", path: DB, body: secret("db", "mine") },
  "a PUT as a dry run": { method: "PUT", path: `${DB}?dryRun=All`, body: secret("db", "mine") },
  "a PUT of a name that is not there": { method: "PUT", path: `${SECRETS}/new`, body: secret("new", "mine") },
  "a deletecollection": { method: "DELETE", path: SECRETS },
  "a deletecollection as a dry run": { method: "DELETE", path: `${SECRETS}?dryRun=All` },
  "a deletecollection as a dry run by its body": {
    method: "DELETE",
    path: SECRETS,
    body: { dryRun: ["All"] },
  },
};

/** What admission has to stop: authorization lets agents create and delete. */
const HELD: Readonly<Record<string, [Call, string]>> = {
  "a delete": [{ method: "DELETE", path: DB }, "held by secret-delete"],
  "a delete in the background": [
    { method: "DELETE", path: DB, body: { propagationPolicy: "Background" } },
    "held by secret-delete",
  ],
  "a delete in the foreground": [
    { method: "DELETE", path: DB, body: { propagationPolicy: "Foreground" } },
    "denied by secret-unsafe-delete",
  ],
  "a delete in the foreground by the query": [
    { method: "DELETE", path: `${DB}?propagationPolicy=Foreground` },
    "denied by secret-unsafe-delete",
  ],
  "a delete that orphans": [
    { method: "DELETE", path: DB, body: { propagationPolicy: "Orphan" } },
    "denied by secret-unsafe-delete",
  ],
  "a delete that orphans by the old option": [
    { method: "DELETE", path: DB, body: { orphanDependents: true } },
    "denied by secret-unsafe-delete",
  ],
  "a delete that orphans by the old query": [
    { method: "DELETE", path: `${DB}?orphanDependents=true` },
    "denied by secret-unsafe-delete",
  ],
  "a delete of one with a finalizer": [
    { method: "DELETE", path: `${SECRETS}/finalized` },
    "denied by secret-unsafe-delete",
  ],
  "a create": [
    { method: "POST", path: SECRETS, body: secret("mine", "my-own-value") },
    "held by secret-create",
  ],
  "a create of a name that is there": [
    { method: "POST", path: SECRETS, body: secret("db", "my-own-value") },
    "held by secret-create",
  ],
};

const DRY: Readonly<Record<string, Call>> = {
  "a delete": { method: "DELETE", path: `${DB}?dryRun=All` },
  "a delete by its body": { method: "DELETE", path: DB, body: { dryRun: ["All"] } },
  "a create": { method: "POST", path: `${SECRETS}?dryRun=All`, body: secret("mine", "my-own-value") },
};

const COMMANDS: readonly string[][] = [
  ["get", "secrets", "-A", "-o", "yaml"],
  ["get", "secret", "db", "-n", "demo", "-o", "jsonpath={.data}"],
  ["get", "secrets", "-A", "-o", "custom-columns=D:.data"],
  ["get", "secrets", "-n", "demo", "--show-managed-fields", "-o", "json"],
  ["describe", "secret", "db", "-n", "demo"],
  ["get", "--raw", "/api/v1/watch/secrets?timeoutSeconds=1"],
  ["label", "secret", "db", "-n", "demo", "a=b", "-o", "yaml"],
  ["annotate", "secret", "db", "-n", "demo", "a=b", "--dry-run=server", "-o", "yaml"],
  ["patch", "secret", "db", "-n", "demo", "--type=merge", "-p", "{}", "--dry-run=server", "-o", "yaml"],
  ["apply", "view-last-applied", "secret/db", "-n", "demo"],
  ["delete", "secrets", "--all", "-n", "demo", "--dry-run=server"],
];

describe("Secrets", () => {
  let bed: Testbed;
  let agent: Caller;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    agent = await asUserOf(bed.kubeconfig("agent"));
    const db = secret("db", PASSWORD);
    const lastApplied = { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(db) };
    await bed.apply([
      namespaced("v1", "ServiceAccount", "default"),
      clusterScoped("v1", "Namespace", "prod"),
      { ...db, metadata: { name: "db", namespace: "demo", annotations: lastApplied } },
      {
        ...secret("finalized", OTHER),
        metadata: { name: "finalized", namespace: "demo", finalizers: ["example.com/wait"] },
      },
      { ...secret("immutable", IMMUTABLE), immutable: true },
    ]);
  });

  after(() => bed?.stop());

  for (const [how, call] of Object.entries({ ...READS, ...WRITES }))
    it(`are not shown by ${how}`, async () => {
      const reply = await agent(call);
      expectNoValue(reply.text, how);
      if (reply.code !== 301 && reply.code !== 404 && call.method !== "HEAD")
        expect(reply.text).to.contain("rule secrets");
      expect(reply.code).to.be.oneOf([301, 403, 404]);
    });

  for (const [how, [call, verdict]] of Object.entries(HELD))
    it(`are not shown by ${how}`, async () => {
      const reply = await agent(call);
      expectNoValue(reply.text, how);
      expect(verdictOf(reply)).to.equal(verdict);
    });

  for (const [how, call] of Object.entries(DRY))
    it(`are not shown by the dry run of ${how}`, async () => {
      const { code, text } = await agent(call);
      expectNoValue(text, how);
      expect(text).to.contain("denied");
      expect(code).to.equal(403);
    });

  for (const args of COMMANDS)
    it(`are not shown by kubectl ${args.join(" ")}`, async () => {
      const { code, output } = await bed.kubectl("agent", args);
      expectNoValue(output, args.join(" "));
      expect(output).to.match(/agents do not read or edit Secrets|\(Forbidden\)/);
      expect(code).to.equal(1);
    });

  it("are not shown in the answer to a delete that was approved", async () => {
    const { code: held } = await agent({ method: "DELETE", path: `${SECRETS}/immutable` });
    expect(held).to.equal(403);
    const approval = await bed.pending("immutable", "DELETE");
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    const { code, text } = await agent({ method: "DELETE", path: `${SECRETS}/immutable` });
    expectNoValue(text, "the delete");
    expect(code).to.equal(200);
  });

  it("are not shown in the answer to a create of a name that is there, though approved", async () => {
    const call = { method: "POST", path: SECRETS, body: secret("db", "my-own-value") };
    const approval = await bed.pending("db", "CREATE");
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    const { code, text } = await agent(call);
    expectNoValue(text, "the create");
    expect(code).to.equal(409);
  });

  describe("that an agent or a person writes", () => {
    const MADE = "made-by-the-agent-0451";
    const ENV = "in-the-environment-8172";

    before(async () => {
      const variables = [
        { name: "DB_PASSWORD", value: ENV },
        { name: "DB_URL", value: `postgres://app:${ENV}@db/app` },
      ];
      const spec = {
        automountServiceAccountToken: false,
        containers: [{ name: "main", image: "app:1", env: variables, securityContext: { privileged: true } }],
      };
      const calls: [Call, string][] = [
        [{ method: "POST", path: SECRETS, body: secret("made", MADE) }, "secret-create"],
        [
          {
            method: "POST",
            path: "/apis/apps/v1/namespaces/demo/deployments",
            body: deployment("app", spec),
          },
          "privileged-container",
        ],
      ];
      for (const [call, rule] of calls) expect(verdictOf(await agent(call))).to.equal(`held by ${rule}`);
      for (const name of ["made", "app"]) {
        expect((await bed.decide(await bed.pending(name), "Approve")).code).to.equal(0);
      }
      for (const [call] of calls) expect((await agent(call)).code).to.equal(201);
    });

    const places: Record<string, string[]> = {
      approvals: ["get", "approvals.hoop.dev", "-A", "-o", "yaml"],
      records: ["get", "records.hoop.dev", "-A", "-o", "yaml"],
      "the table of approvals": ["get", "approvals.hoop.dev", "-A", "-o", "wide"],
      Events: ["get", "events", "-A", "-o", "yaml"],
    };
    for (const [place, args] of Object.entries(places))
      it(`do not stand in ${place}`, async () => {
        const output = await bed.must("human", args);
        expect(output).to.contain("made");
        expectNoValue(output, place);
        for (const value of [MADE, ENV]) {
          expect(output).not.to.contain(value);
          expect(output).not.to.contain(Buffer.from(value).toString("base64"));
        }
      });

    it("do not stand in the payloads of records", async () => {
      const { items } = JSON.parse(
        await bed.must("human", ["get", "records.hoop.dev", "-A", "-o", "json"]),
      ) as {
        items: { metadata: { name: string }; spec: { payload?: object } }[];
      };
      const log = "/apis/hoop.dev/v1alpha1/ledgers/hoop/log";
      const having = items.filter(({ spec }) => spec.payload !== undefined);
      expect(having).not.to.have.length(0);
      for (const { metadata } of having) {
        const payload = await bed.must("human", ["get", "--raw", `${log}/payload/${metadata.name}`]);
        expectNoValue(payload, `payload ${metadata.name}`);
        for (const value of [MADE, ENV]) {
          expect(payload).not.to.contain(value);
          expect(payload).not.to.contain(Buffer.from(value).toString("base64"));
        }
      }
    });

    it("do not stand in the cluster's audit log, if they are Secrets'", async () => {
      const log = await readFile(`${bed.controlPlane.directory}/logs/audit.log`, "utf8");
      expect(log).to.contain('"resource":"secrets"');
      expectNoValue(log, "the audit log");
      expect(log).not.to.contain(MADE);
      expect(log).not.to.contain(Buffer.from(MADE).toString("base64"));
    });
  });

  it("are all still there, as they were", async () => {
    const kept = JSON.parse(
      await bed.must("human", ["get", "secret", "db", "-n", "demo", "-o", "json"]),
    ) as Manifest & {
      data: Record<string, string>;
    };
    expect(Buffer.from(kept.data["password"] ?? "", "base64").toString()).to.equal(PASSWORD);
    expect(kept.metadata).not.to.have.property("labels");
    await bed.must("human", ["get", "secret", "finalized", "-n", "demo"]);
  });

  it("are not shown to an agent by a token of its own making either", async () => {
    const { port } = await credentialsIn(bed.kubeconfig("agent"));
    const { code, text } = await rawCaller(port, { token: "eyJhbGciOiJub25lIn0.e30." })({ path: DB });
    expectNoValue(text, "a forged token");
    expect(code).to.equal(401);
  });
});
