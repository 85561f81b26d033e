import { expect } from "chai";
import { approval, approvedBy, failed, hoop } from "./scripted.ts";

const POD = {
  group: "",
  version: "v1",
  resource: "pods",
  subresource: "exec",
  kind: "PodExecOptions",
  namespace: "shop",
  name: "web-1",
};
const exec = approval({ name: "exec-web", namespace: "shop", spec: { operation: "CONNECT", target: POD } });

describe("kubectl hoop pending", () => {
  it("lists what waits in all namespaces", async () => {
    const { code, stdout, calls } = await hoop(["pending"], { approvals: [approval(), exec] });
    expect(code).to.equal(0);
    expect(stdout).to.equal(
      [
        "NAMESPACE     NAME                  AGENT        OPERATION   TARGET            RULE                 AGE   EXPIRES",
        "hoop-system   delete-ns-prod-7x2k   dev-claude   delete      namespaces/prod   protect-namespaces   4s    59m",
        "shop          exec-web              dev-claude   exec        pods/web-1        protect-namespaces   4s    59m",
        "",
      ].join("\n"),
    );
    expect(calls).to.deep.equal([
      ["get", "--raw", "/apis/hoop.dev/v1alpha1/approvals?fieldSelector=status.phase%3DPending"],
    ]);
  });

  it("hands the connection flags to kubectl, and only looks into the namespace it is given", async () => {
    const flags =
      "-nshop --kubeconfig k --context c --cluster l --user u -s https://x.invalid --request-timeout 3s --as a --as-group g";
    const { calls } = await hoop(["pending", ...flags.split(" ")]);
    expect(calls[0]?.slice(2)).to.deep.equal([
      "/apis/hoop.dev/v1alpha1/namespaces/shop/approvals?fieldSelector=status.phase%3DPending",
      "--kubeconfig=k",
      "--context=c",
      "--cluster=l",
      "--user=u",
      "--server=https://x.invalid",
      "--as=a",
      "--as-group=g",
      "--request-timeout=3s",
    ]);
  });

  it("says so on standard error when nothing waits", async () => {
    const { code, stdout, stderr } = await hoop(["pending"]);
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stdout: "",
      stderr: "Nothing waits for a decision.\n",
    });
  });

  it("prints names, JSON and YAML for scripts, without cursor, bidi and zero-width tricks", async () => {
    const reason = "ok\u001b[2J\u202e\u200b";
    const approvals = [approval({ spec: { reason } })];
    expect((await hoop(["pending", "-oname"], { approvals })).stdout).to.equal(
      "approval.hoop.dev/delete-ns-prod-7x2k\n",
    );
    const { stdout } = await hoop(["pending", "-o", "json"], { approvals });
    expect(JSON.parse(stdout).items).to.deep.equal(approvals);
    expect(stdout).to.include("ok\\u001b[2J\\u202e\\u200b");
    expect((await hoop(["pending", "-o=yaml"], { approvals })).stdout).to.include(
      'reason: "ok\\e[2J\\u202e\\u200b"',
    );
    expect((await hoop(["pending", "-owide"], { approvals })).stdout).to.include(
      "ok\\u{1b}[2J\\u{202e}\\u{200b}",
    );
  });

  it("tells who decides, and once somebody did, who is still missing", async () => {
    const approvers = [{ groups: ["sre"], count: 2 }];
    const spec = { approvers };
    const decided = {
      decisions: [
        { user: "bob", verdict: "Approve" as const, groups: ["sre"], time: "2026-11-21T09:59:58Z" },
      ],
    };
    const approvals = [approval({ name: "new", spec }), approval({ name: "half", spec, status: decided })];
    const { stdout } = await hoop(["pending", "-owide"], { approvals });
    expect(stdout)
      .to.match(/ new .* 2 different people of sre /)
      .and.match(/ half .* 1 of 2 of sre /);
  });

  it("tells who may not look everywhere to name a namespace", async () => {
    const { code, stderr } = await hoop(["pending"], {
      answer: () =>
        failed(
          'Error from server (Forbidden): approvals.hoop.dev is forbidden: User "bob" cannot list resource "approvals" in API group "hoop.dev" at the cluster scope',
        ),
    });
    expect(code).to.equal(1);
    expect(stderr).to.equal(
      'error: forbidden: User "bob" cannot list resource "approvals" in API group "hoop.dev" at the cluster scope; name a namespace that you may look into with -n\n',
    );
  });
});

describe("kubectl hoop pending -w", () => {
  const event = (type: string, object: object) => JSON.stringify({ type, object });
  const states = (stdout: string) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/ {3,}/))
      .map((cells) => `${cells[1]} ${cells.at(-1)}`);

  it("prints what waits, what comes, and what becomes of it", async () => {
    const done = approval({ name: "long-done", status: { phase: "Used" } });
    const { code, stdout } = await hoop(["pending", "-w"], {
      approvals: [approval()],
      watches: [
        [
          event("BOOKMARK", { metadata: { resourceVersion: "8" } }),
          event("ADDED", exec),
          event("MODIFIED", exec),
          event("MODIFIED", done),
          event("MODIFIED", approval({ status: approvedBy("bob", "CHG-12") })),
          event("MODIFIED", approval({ status: { ...approvedBy("bob"), phase: "Used" } })),
          event("DELETED", exec),
        ],
      ],
    });
    expect(code).to.equal(0);
    expect(states(stdout)).to.deep.equal([
      "NAME STATE",
      "delete-ns-prod-7x2k Pending",
      "exec-web Pending",
      "delete-ns-prod-7x2k Approved by bob: CHG-12",
      "delete-ns-prod-7x2k Used",
    ]);
  });

  it("watches from where the list ended, without the timeout that is meant for one answer", async () => {
    const { calls } = await hoop(["pending", "-w", "--request-timeout=1s", "--context=c"], { watches: [[]] });
    expect(calls.at(-1)).to.deep.equal([
      "get",
      "--raw",
      "/apis/hoop.dev/v1alpha1/approvals?watch=true&allowWatchBookmarks=true&resourceVersion=7",
      "--context=c",
    ]);
  });

  it("goes on after a watch breaks, shows what was decided meanwhile, and nothing twice", async () => {
    const approvals = [approval(), exec];
    const { stdout, stderr } = await hoop(["pending", "-w"], {
      approvals,
      watches: [
        [
          event("MODIFIED", approval({ status: { decisions: [] } })),
          event("ERROR", { reason: "Expired", message: "too old resource version" }),
        ],
        [],
      ],
      answer: (args) => {
        // The second list finds it denied.
        if (args[2]?.includes("fieldSelector") && approvals[0]?.status.phase === "Pending" && seen++ > 0)
          approvals[0].status = {
            ...approvals[0].status,
            phase: "Denied",
            decisions: [
              { user: "chen", verdict: "Deny", groups: [], comment: "no", time: "2026-11-21T10:00:00Z" },
            ],
          };
        return undefined;
      },
    });
    expect(states(stdout)).to.deep.equal([
      "NAME STATE",
      "delete-ns-prod-7x2k Pending",
      "exec-web Pending",
      "delete-ns-prod-7x2k Denied by chen: no",
    ]);
    expect(stderr).to.equal("lost the watch, trying again: too old resource version\n");
  });
  let seen = 0;

  it("fails when it cannot even begin", async () => {
    const { code, stderr } = await hoop(["pending", "-w"], {
      answer: () =>
        failed(
          "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
        ),
    });
    expect(code).to.equal(1);
    expect(stderr).to.match(/^error: Hoop does not answer\./);
  });
});
