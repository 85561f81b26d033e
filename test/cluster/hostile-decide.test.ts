/**
 * Nobody decides who may not: an agent whom RBAC lets do everything, under other names, past the API server, with
 * forged certificates and headers; the requester; somebody without the right; somebody who comes second. And no
 * agent sees what is another's.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { createAuthority } from "#certs/ca.ts";
import { issueClient } from "#certs/leaf.ts";
import type { Approval } from "#core/approval.ts";
import { clusterScoped, HARMLESS, namespaced, pod } from "../support/objects.ts";
import {
  asUserOf,
  type Call,
  type Caller,
  credentialsIn,
  type Identity,
  rawCaller,
  verdictOf,
} from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const API = "/apis/hoop.dev/v1alpha1";
const MERGE = "application/merge-patch+json";
const APPROVE = { decision: { verdict: "Approve" } };

const decision = (name: string) => ({
  apiVersion: "hoop.dev/v1alpha1",
  kind: "ApprovalDecision",
  metadata: { name, namespace: "demo" },
  ...APPROVE,
});

/** Every way in which a decision can be written. */
const DECISIONS: Readonly<Record<string, (path: string, name: string) => Call>> = {
  "a merge patch": (path) => ({ method: "PATCH", path, body: APPROVE, type: MERGE }),
  "a JSON patch": (path) => ({
    method: "PATCH",
    path,
    body: [{ op: "add", path: "/decision", value: APPROVE.decision }],
    type: "application/json-patch+json",
  }),
  "a server-side apply": (path, name) => ({
    method: "PATCH",
    path: `${path}?fieldManager=mallory&force=true`,
    body: decision(name),
    type: "application/apply-patch+yaml",
  }),
  "a PUT": (path, name) => ({ method: "PUT", path, body: decision(name) }),
  "a POST": (path, name) => ({ method: "POST", path, body: decision(name) }),
  "a dry run": (path) => ({ method: "PATCH", path: `${path}?dryRun=All`, body: APPROVE, type: MERGE }),
};

const DISGUISES: Readonly<Record<string, Record<string, string | string[]>>> = {
  "as the approver": { "impersonate-user": "approver" },
  "as an administrator": { "impersonate-user": "admin", "impersonate-group": ["system:masters"] },
  "as itself without its group": {
    "impersonate-user": "agent",
    "impersonate-group": ["system:authenticated"],
  },
  "as Hoop": { "impersonate-user": "system:serviceaccount:hoop-system:hoop" },
  "as the node": { "impersonate-user": "system:node:node-1", "impersonate-group": ["system:nodes"] },
  "as the approver with a uid": { "impersonate-user": "approver", "impersonate-uid": "1" },
  "as the approver with an extra": {
    "impersonate-user": "approver",
    "impersonate-extra-authentication.kubernetes.io%2fcredential-id": "x",
  },
};

/** Writes to the approval itself. */
const WRITES: Readonly<Record<string, (path: string, approval: Approval) => Call>> = {
  "a PUT of it, approved": (path, approval) => ({
    method: "PUT",
    path,
    body: { ...approval, status: { ...approval.status, phase: "Approved" } },
  }),
  "a patch of its status": (path) => ({
    method: "PATCH",
    path,
    body: { status: { phase: "Approved" } },
    type: MERGE,
  }),
  "a patch of a status subresource": (path) => ({
    method: "PATCH",
    path: `${path}/status`,
    body: { status: { phase: "Approved" } },
    type: MERGE,
  }),
  "a delete of it": (path) => ({ method: "DELETE", path }),
  "a delete of all": () => ({ method: "DELETE", path: `${API}/namespaces/demo/approvals` }),
  "one of its own, approved": (_, approval) => ({
    method: "POST",
    path: `${API}/namespaces/demo/approvals`,
    body: { ...approval, metadata: { name: "mine" }, status: { ...approval.status, phase: "Approved" } },
  }),
};

describe("a decision", () => {
  let bed: Testbed;
  let agent: Caller;
  let agentIdentity: Identity;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    agent = await asUserOf(bed.kubeconfig("agent"));
    agentIdentity = (await credentialsIn(bed.kubeconfig("agent"))).identity;
    await bed.apply([
      namespaced("v1", "ServiceAccount", "default"),
      clusterScoped("v1", "Namespace", "prod"),
    ]);
  });

  after(() => bed?.stop());

  /** A pending approval of the agent (or of another) for the delete of a new pod. */
  async function held(name: string, who: Caller = agent): Promise<Approval> {
    await bed.apply(pod(name, HARMLESS));
    const call = { method: "DELETE", path: `/api/v1/namespaces/demo/pods/${name}` };
    expect(verdictOf(await who(call))).to.equal("held by pod-delete");
    return bed.pending(name, "DELETE");
  }

  const at = ({ metadata }: Approval) => `${API}/namespaces/${metadata.namespace}/approvals/${metadata.name}`;

  async function phaseOf({ metadata }: Approval): Promise<string | undefined> {
    const found = (await bed.approvals()).find((one) => one.metadata.uid === metadata.uid);
    return found?.status.phase;
  }

  async function user(name: string, groups: string[] = [], role?: string): Promise<Caller> {
    if (role !== undefined)
      await bed.apply(
        clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", `test-${name}`, {
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
          subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name }],
        }),
      );
    const file = join(bed.controlPlane.directory, `${name}-${groups.length}.kubeconfig`);
    const caller = await asUserOf(await bed.controlPlane.kubeconfig(name, groups, file));
    // A binding takes a moment to be known.
    while (role !== undefined && (await caller({ path: `${API}/approvals` })).code !== 200);
    return caller;
  }

  describe("by an agent", () => {
    let approval: Approval;
    before(async () => {
      approval = await held("wanted");
    });

    for (const [how, call] of Object.entries(DECISIONS))
      it(`is refused by ${how}`, async () => {
        const got = await agent(call(`${at(approval)}/approval`, approval.metadata.name));
        expect(verdictOf(got)).to.equal("forbidden by approval-decision");
      });

    for (const [disguise, headers] of Object.entries(DISGUISES))
      for (const how of ["a merge patch", "a PUT", "a POST"])
        it(`is refused by ${how} ${disguise}`, async () => {
          const call = DECISIONS[how]?.(`${at(approval)}/approval`, approval.metadata.name) ?? { path: "/" };
          expect(verdictOf(await agent({ ...call, headers }))).to.equal("forbidden by impersonation");
        });

    for (const flags of [
      ["--as=approver"],
      ["--as=approver", "--as-group=system:masters"],
      ["--as=approver", "--as-uid=1"],
      ["--as=approver", "--as-user-extra=a=b"],
    ])
      it(`is refused with kubectl ${flags.join(" ")}`, async () => {
        const args = ["patch", `approvals.hoop.dev/${approval.metadata.name}`, "-n", "demo"];
        const how = ["--subresource=approval", "--type=merge", "-p", JSON.stringify(APPROVE)];
        const { code, output } = await bed.kubectl("agent", [...args, ...how, ...flags]);
        expect(output).to.contain("(Forbidden)");
        expect(code).to.equal(1);
      });

    it("is refused to another agent as well, who does not even see it", async () => {
      const other = await user("other-agent", ["hoop:agents"]);
      const call = { method: "PATCH", path: `${at(approval)}/approval`, body: APPROVE, type: MERGE };
      expect(verdictOf(await other(call))).to.equal("forbidden by approval-decision");
      expect((await other({ path: at(approval) })).code).to.equal(404);
    });

    for (const [what, call] of Object.entries(WRITES))
      it(`is not made by ${what}`, async () => {
        const { code } = await agent(call(at(approval), approval));
        expect(code).to.be.oneOf([404, 405]);
      });

    it("has left everything pending", async () => {
      expect(await phaseOf(approval)).to.equal("Pending");
      expect((await bed.approvals()).map(({ metadata }) => metadata.name)).not.to.include("mine");
    });
  });

  describe("past the API server, at the aggregated API's own address,", () => {
    let approval: Approval;
    let call: Call;
    before(async () => {
      approval = await held("past");
      call = { method: "PATCH", path: `${at(approval)}/approval`, body: APPROVE, type: MERGE };
    });

    const forged = {
      "x-remote-user": "approver",
      "x-remote-group": ["system:masters", "system:authenticated"],
      "x-remote-uid": "1",
      "x-remote-extra-a": "b",
    };
    const selfSigned = () => {
      const authority = createAuthority("front-proxy-ca", 1);
      const { certificate, key } = issueClient(authority, "front-proxy-client", ["system:masters"], 1);
      return { cert: certificate, key };
    };
    const issued = async (name: string, groups: string[] = []) => {
      const file = join(bed.controlPlane.directory, `forged-${name}.kubeconfig`);
      return (await credentialsIn(await bed.controlPlane.kubeconfig(name, groups, file))).identity;
    };

    const callers: Record<
      string,
      [who: () => Identity | Promise<Identity>, headers: Call["headers"], code: number]
    > = {
      "without a certificate and with forged headers": [() => ({}), forged, 401],
      "with the agent's certificate": [() => agentIdentity, {}, 403],
      "with the agent's certificate and forged headers": [() => agentIdentity, forged, 403],
      "with the agent's certificate and impersonation": [
        () => agentIdentity,
        { "impersonate-user": "approver", "impersonate-group": "system:masters" },
        403,
      ],
      "with a certificate of its own making, in the front proxy's name": [selfSigned, forged, 401],
      "with a certificate of the cluster in the front proxy's name": [
        () => issued("front-proxy-client"),
        forged,
        403,
      ],
      "with a token of its own making": [
        () => ({ token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhcHByb3ZlciJ9." }),
        forged,
        401,
      ],
    };
    for (const [name, [who, headers, code]] of Object.entries(callers))
      it(`is refused ${name}`, async () => {
        const identity = await who();
        const caller = rawCaller(bed.apiPort, identity);
        expect((await caller({ ...call, ...(headers && { headers }) })).code).to.equal(code);
        const read = await caller({ path: `${API}/approvals`, ...(headers && { headers }) });
        if (code === 401) expect(read.code).to.equal(401);
        expect(await phaseOf(approval)).to.equal("Pending");
      });
  });

  describe("is not replaced by calling the webhook oneself:", () => {
    let approval: Approval;
    before(async () => {
      approval = await held("burn");
      expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    });

    const read = (file: string) => readFile(join(bed.certificates, file), "utf8");
    const callers: Record<string, () => Promise<Identity>> = {
      "nobody in particular": async () => ({}),
      "the agent": async () => agentIdentity,
      "whoever has Hoop's serving certificate": async () => ({
        cert: await read("tls.crt"),
        key: await read("tls.key"),
      }),
      "a certificate of the cluster in the API server's name": async () => {
        const file = join(bed.controlPlane.directory, "forged-webhook.kubeconfig");
        const made = await bed.controlPlane.kubeconfig("hoop-webhook-client", ["system:masters"], file);
        return (await credentialsIn(made)).identity;
      },
      "a certificate of one's own making in the API server's name": async () => {
        const { certificate, key } = issueClient(
          createAuthority("hoop client CA", 1),
          "hoop-webhook-client",
          [],
          1,
        );
        return { cert: certificate, key };
      },
    };

    /** The very review that would spend the approval. */
    const review = (uid: string) => ({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      request: {
        uid: "1",
        kind: { group: "", version: "v1", kind: "Pod" },
        resource: { group: "", version: "v1", resource: "pods" },
        name: "burn",
        namespace: "demo",
        operation: "DELETE",
        userInfo: { username: "agent", groups: ["hoop:agents", "system:authenticated"] },
        oldObject: { ...pod("burn"), metadata: { name: "burn", namespace: "demo", uid } },
        options: { apiVersion: "meta.k8s.io/v1", kind: "DeleteOptions" },
      },
    });

    for (const [who, identity] of Object.entries(callers))
      it(`${who} gets 401 everywhere, and spends nothing`, async () => {
        const caller = rawCaller(bed.webhookPort, await identity());
        const records = (await bed.records()).length;
        const body = review(approval.spec.target.uid ?? "");
        for (const path of [
          "/validate",
          "/validate?timeout=30s",
          "/mutate",
          "/authorize",
          "/validate/x",
          "/",
          "/audit",
        ])
          expect((await caller({ method: "POST", path, body })).code, path).to.equal(401);
        expect((await caller({ path: "/validate" })).code).to.equal(401);
        expect(await phaseOf(approval)).to.equal("Approved");
        expect((await bed.records()).length).to.equal(records);
      });
  });

  it("by somebody without the right is a 403", async () => {
    const approval = await held("rightless");
    const nobody = await user("nobody");
    for (const call of Object.values(DECISIONS))
      expect((await nobody(call(`${at(approval)}/approval`, approval.metadata.name))).code).to.equal(403);
    expect(await phaseOf(approval)).to.equal("Pending");
  });

  it("by somebody who may only read is a 403", async () => {
    const approval = await held("readable");
    const auditor = await user("auditor", [], "hoop-auditor");
    expect((await auditor({ path: at(approval) })).code).to.equal(200);
    const call = { method: "PATCH", path: `${at(approval)}/approval`, body: APPROVE, type: MERGE };
    expect((await auditor(call)).code).to.equal(403);
    expect(await phaseOf(approval)).to.equal("Pending");
  });

  it("by the requester is a 403, also with a credential that is no agent's", async () => {
    const approval = await held("own");
    const twin = await user("agent", [], "hoop-approver");
    for (const how of ["a merge patch", "a JSON patch", "a PUT", "a POST"]) {
      const call = DECISIONS[how]?.(`${at(approval)}/approval`, approval.metadata.name) ?? { path: "/" };
      const { code, text } = await twin(call);
      expect(text).to.contain("nobody decides a request of their own");
      expect(code).to.equal(403);
    }
    expect(await phaseOf(approval)).to.equal("Pending");
  });

  it("is final: whoever comes second gets a 409", async () => {
    for (const [first, second] of [
      ["Approve", "Deny"],
      ["Deny", "Approve"],
      ["Approve", "Approve"],
    ] as const) {
      const approval = await held(`final-${first}-${second}`.toLowerCase());
      expect((await bed.decide(approval, first)).code).to.equal(0);
      const approver = await asUserOf(bed.kubeconfig("approver"));
      const body = { decision: { verdict: second } };
      const call = { method: "PATCH", path: `${at(approval)}/approval`, body, type: MERGE };
      expect((await approver(call)).code).to.equal(409);
      expect(await phaseOf(approval)).to.equal(first === "Approve" ? "Approved" : "Denied");
    }
  });

  it("of two people at once is one person's", async () => {
    const approval = await held("race");
    const callers = await Promise.all(["ann", "eve", "joe"].map((name) => user(name, [], "hoop-approver")));
    const replies = await Promise.all(
      callers.map((caller, index) =>
        caller({
          method: "PATCH",
          path: `${at(approval)}/approval`,
          body: { decision: { verdict: index === 1 ? "Deny" : "Approve" } },
          type: MERGE,
        }),
      ),
    );
    expect(replies.map(({ code }) => code).sort()).to.deep.equal([200, 409, 409]);
    const decided = (await bed.approvals()).find(({ metadata }) => metadata.uid === approval.metadata.uid);
    expect(decided?.status.decisions).to.have.length(1);
  });

  it("as a dry run, on another digest, or without a verdict changes nothing", async () => {
    const approval = await held("careful");
    const approver = await asUserOf(bed.kubeconfig("approver"));
    const path = `${at(approval)}/approval`;
    const send = (body: object, query = "") =>
      approver({ method: "PATCH", path: `${path}${query}`, body, type: MERGE });
    expect((await send(APPROVE, "?dryRun=All")).code).to.equal(200);
    expect((await send({ decision: { verdict: "Approve", digest: "0123" } })).code).to.equal(409);
    expect((await send({ decision: { verdict: "approve" } })).code).to.equal(422);
    expect((await send({ decision: { verdict: "Used" } })).code).to.equal(422);
    expect((await send({ decision: {} })).code).to.equal(422);
    expect((await send({})).code).to.equal(422);
    expect((await send({ metadata: { resourceVersion: "1" }, ...APPROVE })).code).to.equal(409);
    expect(await phaseOf(approval)).to.equal("Pending");
  });

  describe("sees nobody but those it is for:", () => {
    let mine: Approval;
    let others: Approval;
    let cluster: Approval;
    before(async () => {
      mine = await held("mine");
      others = await held("others", await user("second-agent", ["hoop:agents"]));
      const prod = { method: "DELETE", path: "/api/v1/namespaces/prod" };
      expect(verdictOf(await agent(prod))).to.equal("held by namespace-delete");
      cluster = await bed.pending("prod", "DELETE");
    });

    const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const lists = ["/approvals", "/namespaces/demo/approvals", "/records", "/namespaces/demo/records"];
    const queries = [
      "",
      "?limit=500",
      "?fieldSelector=spec.agent.username%3Dsecond-agent",
      "?fieldSelector=spec.agent.username!%3Dagent",
      "?resourceVersion=0",
      "?watch=1&timeoutSeconds=1&resourceVersion=0",
      "?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    ];
    const readings = lists.flatMap((list) =>
      queries.flatMap((query) =>
        ["application/json", TABLE].map((accept) => ({ path: list + query, accept })),
      ),
    );
    it("an agent by every reading of lists and watches", async () => {
      const replies = await Promise.all(
        readings.map(({ path, accept }) => agent({ path: `${API}${path}`, accept })),
      );
      for (const [index, { code, text }] of replies.entries()) {
        const reading = JSON.stringify(readings[index]);
        expect(code, reading).to.equal(200);
        expect(text, reading).not.to.contain(others.metadata.name);
        expect(text, reading).not.to.contain(others.metadata.uid);
      }
      expect(replies[0]?.text).to.contain(mine.metadata.name);
    });

    it("not by name", async () => {
      expect((await agent({ path: at(mine) })).code).to.equal(200);
      expect((await agent({ path: at(cluster) })).code).to.equal(200);
      expect((await agent({ path: at(others) })).code).to.equal(404);
      const all = JSON.parse(await bed.must("human", ["get", "--raw", `${API}/records`])) as {
        items: { metadata: { name: string; namespace: string }; spec: { agent?: { username: string } } }[];
      };
      for (const { metadata, spec } of all.items) {
        const path = `${API}/namespaces/${metadata.namespace}/records/${metadata.name}`;
        expect((await agent({ path })).code).to.equal(spec.agent?.username === "agent" ? 200 : 404);
      }
      expect(all.items.some(({ spec }) => spec.agent?.username === "second-agent")).to.equal(true);
    });
  });
});
