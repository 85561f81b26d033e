/** Who says that he comes out of a session, and who does. */
import { expect } from "chai";
import { agentMatcher } from "#core/agents.ts";
import { extrasOf, implicitSession } from "#core/session/extras.ts";
import { insideOf } from "#core/session/inside.ts";
import { begin, ended } from "#core/session/life.ts";
import { sessionKey } from "#core/session/rows.ts";
import type { Session } from "#core/session/session.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../../support/clock.ts";
import { user } from "../../support/reviews.ts";
import { asking, sessionTerms } from "../../support/terms.ts";

const AGENTS = { groups: [], users: ["ann"], serviceAccounts: [], extras: {} };
const NOW = Date.parse("2030-01-01T00:00:00Z");
const ACCOUNT = "system:serviceaccount:work:bot";

async function world(change: (session: Session) => Session = (session) => session) {
  const [store, clock] = [memoryStore(), new ManualClock(NOW)];
  const profile = { name: "ci", agents: AGENTS, session: sessionTerms() };
  const ports = {
    ...{ ...asking(), store, clock, installationNamespace: "hoop-system", profile: () => profile },
    agents: agentMatcher({ ...AGENTS, serviceAccounts: ["work/bot"] }, ""),
  };
  const metadata = { name: "task", namespace: "demo", uid: "u1", creationTimestamp: "" };
  const made = begin(ports, user("ann"), { metadata, spec: { profile: "ci" } }, NOW);
  if ("refused" in made) throw new Error(made.refused);
  const session = { apiVersion: "", kind: "Session", metadata, spec: { profile: "ci" }, status: made.status };
  const put = { key: sessionKey("ns-1", "task"), value: JSON.stringify(change(session)), expect: 0 };
  await store.commit({ puts: [put] });
  return { ports, clock, extras: extrasOf(session) };
}

const saying = (extras: Readonly<Record<string, string>>, username = ACCOUNT) => ({
  ...user(username),
  extra: new Map(Object.entries(extras).map(([key, value]) => [key, [value]])),
});

describe("a request that says it comes out of a session", () => {
  it("is its agent's where that is so", async () => {
    const { ports, extras } = await world();
    expect(await insideOf(ports, saying(extras))).to.deep.equal({
      kind: "session",
      session: {
        ...{ namespace: "demo", name: "task", uid: "u1", profile: "ci" },
        agent: { username: "ann", groups: ["system:authenticated"], credentialID: "ann-cert" },
      },
    });
  });

  it("says nothing where it says nothing of a session", async () => {
    const { ports } = await world();
    expect(await insideOf(ports, user("ann"))).to.deep.equal({ kind: "direct" });
    expect(await insideOf(ports, saying({ "example.com/session": "demo/task" }))).to.deep.equal({
      kind: "direct",
    });
  });

  const forged: [string, Record<string, string>, string?][] = [
    ["by another user", {}, "system:serviceaccount:work:other"],
    ["by its agent itself", {}, "ann"],
    ["by a person", {}, "alice"],
    ["of another session", { "hoop.dev/session": "demo/other" }],
    ["of another namespace", { "hoop.dev/session": "prod/task" }],
    ["of a session that had that name before", { "hoop.dev/session-uid": "u0" }],
    ["in another agent's name", { "hoop.dev/agent": "bob" }],
    ["by another profile", { "hoop.dev/profile": "admin" }],
    ["with more than Hoop says", { "hoop.dev/approved": "yes" }],
    ["of a session without a name", { "hoop.dev/session": "" }],
    ["of a path", { "hoop.dev/session": "demo/../task" }],
  ];
  for (const [what, other, username] of forged)
    it(`is refused ${what}`, async () => {
      const { ports, extras } = await world();
      expect(await insideOf(ports, saying({ ...extras, ...other }, username))).to.have.property(
        "kind",
        "forged",
      );
    });

  it("is refused with less than Hoop says, or a value twice", async () => {
    const { ports, extras } = await world();
    for (const missing of Object.keys(extras)) {
      const { [missing]: _, ...left } = extras;
      expect(await insideOf(ports, saying(left))).to.have.property("kind", "forged");
      const twice = saying(extras);
      twice.extra.set(missing, [extras[missing] ?? "", "more"]);
      expect(await insideOf(ports, twice)).to.have.property("kind", "forged");
    }
  });

  it("is refused when the session is over, by time or otherwise", async () => {
    const { ports, extras, clock } = await world();
    clock.advance(600_000);
    expect(await insideOf(ports, saying(extras))).to.deep.equal({
      ...{ kind: "forged", why: "the session demo/task is over" },
    });
    const over = await world((session) => ended(session, { phase: "Revoked", message: "" }, NOW));
    expect(await insideOf(over.ports, saying(over.extras))).to.have.property("kind", "forged");
    const waits = await world((session) => ({ ...session, status: { ...session.status, phase: "Pending" } }));
    expect(await insideOf(waits.ports, saying(waits.extras))).to.have.property("kind", "forged");
  });
});

describe("what is done directly", () => {
  it("is shown as a session by its credential, and does not tell which that is", () => {
    const name = implicitSession("JTI=1234");
    expect(name).to.match(/^direct-[0-9a-f]{12}$/);
    expect(implicitSession("JTI=1234")).to.equal(name);
    expect(implicitSession("JTI=1235")).to.not.equal(name);
  });
});
