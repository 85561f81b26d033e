/** What the webhook makes of requests out of sessions, and of those who may have nothing else. */
import { expect } from "chai";
import { agentMatcher } from "#core/agents.ts";
import { extrasOf } from "#core/session/extras.ts";
import { sessionKey } from "#core/session/rows.ts";
import { podDelete, podExec, user } from "../../support/reviews.ts";
import { sure, World } from "../../support/world.ts";

const ACCOUNT = "system:serviceaccount:work:bot";
const SETTINGS = { groups: ["hoop:agents", "team"], users: [], serviceAccounts: ["work/bot"], extras: {} };
const TEAM = {
  ...{ agents: { ...SETTINGS, groups: ["team"] }, owners: { users: [], groups: [] } },
  requiresSession: "ci",
};
const ANN = { username: "build/ci", groups: ["ci"], credentialID: "JTI=1" };

/** With a session of `name` for each of these. */
async function world(...names: string[]) {
  const bed = await World.begin({ agents: agentMatcher(SETTINGS, "", [TEAM]) });
  const sessions = names.map((name) => ({
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session", spec: { profile: "ci" } },
    metadata: { name, namespace: "demo", uid: `uid-${name}`, creationTimestamp: "" },
    status: {
      ...{ phase: "Active", subject: { ...ANN, extra: {} }, path: "" },
      serviceAccount: { namespace: "work", name: "bot" },
      startedAt: "2030-01-01T00:00:00Z",
      expiresAt: "2099-01-01T00:00:00Z",
    },
  }));
  for (const session of sessions)
    await bed.store.commit({
      puts: [{ key: sessionKey("ns-1", session.metadata.name), value: JSON.stringify(session), expect: 0 }],
    });
  const inside = (index: number) => {
    const session = sessions[index];
    if (session === undefined) throw new Error("there is none");
    const extra = new Map(Object.entries(extrasOf(session)).map(([key, value]) => [key, [value]]));
    return { ...user(ACCOUNT), extra };
  };
  return { bed, inside };
}

describe("a request out of a session", () => {
  it("is recorded, and put before people, in its agent's name, with the session", async () => {
    const { bed, inside } = await world("one");
    await bed.sendAndWait({ ...podDelete("web"), userInfo: inside(0) });
    const [entry] = await bed.admissions();
    expect(entry).to.deep.include({ agent: ANN, session: "demo/one", actingAs: ACCOUNT });
    expect((await bed.only()).spec.agent).to.deep.equal({
      ...ANN,
      session: { namespace: "demo", name: "one", profile: "ci", actingAs: ACCOUNT },
    });
  });

  it("says which ports its profile lets through, and is asked anew when these are others", async () => {
    const { bed, inside } = await world("one");
    const profiles: Record<string, number[]> = { ci: [80] };
    bed.ports = { ...bed.ports, forwardedPorts: (name) => profiles[name] };
    const forward = { ...podExec(), subresource: "portforward", object: {}, userInfo: inside(0) };
    const told = async () =>
      (await bed.approvals()).map(({ spec, status }) => [status.phase, spec.change.wants]);
    await bed.sendAndWait(forward);
    const only = "forward ports of pod web: 80 alone, as the profile of the session says";
    expect(await told()).to.deep.equal([["Pending", only]]);
    delete profiles["ci"];
    await bed.sendAndWait(forward);
    const any = "forward ports of pod web: any that it listens on, for only the connection itself says which";
    expect(await told()).to.have.deep.members([
      ["Pending", only],
      ["Pending", any],
    ]);
  });

  it("takes the place of none out of another session of the same agent", async () => {
    const { bed, inside } = await world("one", "other");
    await bed.sendAndWait({ ...podDelete("web"), userInfo: inside(0) });
    await bed.sendAndWait({ ...podDelete("web"), userInfo: inside(1) });
    const phases = (await bed.approvals()).map(({ status }) => status.phase);
    expect(phases).to.deep.equal(["Pending", "Pending"]);
  });

  it("that only says so is refused, and recorded as that, whoever asks", async () => {
    const { bed, inside } = await world("one");
    const { extra } = inside(0);
    for (const who of [user("bot", ["hoop:agents"]), { ...user(ACCOUNT), groups: ["hoop:agents"] }]) {
      const forged = new Map([...extra, ["hoop.dev/session", ["demo/other"]]]);
      const answer = sure(await bed.send({ ...podDelete("web"), userInfo: { ...who, extra: forged } }));
      expect(answer.refusal).to.deep.include({ code: 403 });
      expect(answer.refusal?.message).to.contain("no such session").and.contain("rule no-such-session");
    }
    for (const entry of await bed.admissions()) {
      expect(entry).to.deep.include({ answer: "denied" });
      expect(entry.agent.username).to.not.equal(ANN.username);
      expect(entry).to.not.have.property("actingAs");
    }
  });

  it("is refused directly to whoever is to work in sessions, and his ServiceAccount", async () => {
    const { bed, inside } = await world("one");
    for (const userInfo of [user("ann", ["team"]), user(ACCOUNT)]) {
      const { refusal } = sure(await bed.send({ ...podExec("web"), userInfo }));
      expect(refusal?.message)
        .to.contain("agents of AgentProfile ci work in sessions alone")
        .and.contain("rule session-required");
    }
    const answer = await bed.sendAndWait({ ...podExec("web"), userInfo: inside(0) });
    expect(answer.refusal?.code).to.equal(429);
    const review = { group: "authorization.k8s.io", version: "v1", resource: "selfsubjectaccessreviews" };
    const asking = { ...podDelete("web"), operation: "CREATE" as const, resource: review };
    const { allowed } = sure(await bed.send({ ...asking, userInfo: user("ann", ["team"]) }));
    expect(allowed).to.equal(true);
  });
});

describe("a request out of no session", () => {
  it("belongs to one by its credential", async () => {
    const { bed } = await world();
    await bed.sendAndWait({ ...podDelete("web"), userInfo: user("bot", ["hoop:agents"]) });
    const [entry] = await bed.admissions();
    expect(entry && "session" in entry && entry.session).to.match(/^direct-[0-9a-f]{12}$/);
  });
});
