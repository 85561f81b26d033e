import { expect } from "chai";
import { eventNotice, type TargetEvent } from "#notify/events.ts";
import type { MomentKind } from "#notify/moments.ts";
import { approval, instantClock, silent } from "./fixtures.ts";

async function eventOf(kind: MomentKind, about: ReturnType<typeof approval>): Promise<TargetEvent> {
  const posted: TargetEvent[] = [];
  const notice = eventNotice({
    async post(event) {
      posted.push(event);
      return { posted: true };
    },
    clock: instantClock(),
    log: silent,
  });
  await notice({ kind, approval: about, time: about.metadata.creationTimestamp });
  const [event] = posted;
  if (event === undefined) throw new Error("nothing was posted");
  return event;
}

describe("the Event of a moment", () => {
  it("lies beside the target and says how to decide", async () => {
    const event = await eventOf("pending", approval("delete-web-x"));
    expect(event.about).to.deep.equal({
      apiVersion: "apps/v1",
      kind: "Deployment",
      namespace: "shop",
      name: "web",
    });
    expect(event.related).to.include({ kind: "Approval", namespace: "shop", name: "delete-web-x" });
    expect(event).to.include({ type: "Normal", reason: "ApprovalPending" });
    expect(event.message).to.include("bot asked for DELETE of deployments web");
    expect(event.message).to.include("approval delete-web-x in namespace shop");
    expect(event.message).to.include("kubectl hoop show delete-web-x -n shop");
  });

  it("says of a command what it is, beside its pod", async () => {
    const event = await eventOf(
      "pending",
      approval("exec-web-x", "Pending", {
        operation: "CONNECT",
        target: {
          ...{ group: "", version: "v1", resource: "pods", subresource: "exec", kind: "PodExecOptions" },
          ...{ namespace: "shop", name: "web" },
        },
        change: { diff: "", wants: "run in container main of pod web:\n  sh -c 'echo one\n  echo two'" },
      }),
    );
    expect(event.about).to.deep.equal({ apiVersion: "v1", kind: "Pod", namespace: "shop", name: "web" });
    expect(event.message).to.include(
      "bot asked to run in container main of pod web: sh -c 'echo one echo two'. It waits for",
    );
  });

  const decisions: Record<
    string,
    { kind: MomentKind; phase: "Approved" | "Denied"; type: string; reason: string }
  > = {
    "an approval names who approved": {
      kind: "approved",
      phase: "Approved",
      type: "Normal",
      reason: "Approved",
    },
    "a denial is a warning": { kind: "denied", phase: "Denied", type: "Warning", reason: "Denied" },
  };
  for (const [name, { kind, phase, type, reason }] of Object.entries(decisions)) {
    it(name, async () => {
      const event = await eventOf(kind, approval("a", phase));
      expect(event).to.include({ type, reason });
      expect(event.message).to.include(`${phase} by ann`);
    });
  }

  it("is about the approval itself while the target has no name", async () => {
    const target = { group: "", version: "v1", resource: "pods", kind: "Pod", namespace: "shop" };
    const event = await eventOf("pending", approval("create-pod-x", "Pending", { target }));
    expect(event.about).to.include({ kind: "Approval", name: "create-pod-x" });
  });

  it("shows an agent's text without its control characters, and not too much of it", async () => {
    const username = `\u001b[31mroot\u202e${"x".repeat(5000)}`;
    const event = await eventOf("pending", approval("a", "Pending", { agent: { username, groups: [] } }));
    expect(event.message).to.not.include("\u001b").and.to.not.include("\u202e");
    expect(event.message.length).to.be.below(1024);
    expect(event.message).to.include("kubectl hoop show a -n shop");
  });

  it("that the API server refuses is logged and left", async () => {
    const warnings: object[] = [];
    const notice = eventNotice({
      post: async () => ({ posted: false, why: "the namespace is gone" }),
      clock: instantClock(),
      log: { ...silent, warn: (fields) => warnings.push(fields) },
    });
    await notice({ kind: "pending", approval: approval("a"), time: "" });
    expect(warnings).to.deep.equal([
      { namespace: "shop", name: "a", kind: "pending", why: "the namespace is gone" },
    ]);
  });
});
