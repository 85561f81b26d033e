import { expect } from "chai";
import { approval, DIGEST, failed, hoop } from "./scripted.ts";

describe("kubectl hoop show", () => {
  it("shows the session that it was asked for in, and as whom that acts", async () => {
    const session = {
      ...{ namespace: "shop", name: "deployer-x7k2p", profile: "deployer" },
      actingAs: "system:serviceaccount:shop:deployer",
    };
    const approvals = [approval({ spec: { agent: { username: "bot", groups: ["hoop:agents"], session } } })];
    const { stdout } = await hoop(["show", "delete-ns-prod-7x2k"], { approvals });
    expect(stdout).to.contain(
      "Session:     shop/deployer-x7k2p (profile deployer)\nActs as:     system:serviceaccount:shop:deployer\n",
    );
  });

  it("shows all that a person needs to decide", async () => {
    const approvals = [
      approval({
        spec: {
          agent: { username: "dev-claude", groups: ["hoop:agents"], credentialID: "JTI=1" },
          reason: "cleaning up",
          approvers: [
            { groups: ["platform", "sre"], count: 2 },
            { groups: ["security"], count: 1 },
          ],
          change: {
            diff: "--- namespaces/prod\n+++ gone\n@@ -1 +0,0 @@\n-kind: Namespace\n",
            options: { propagationPolicy: "Background" },
            refersTo: [
              { kind: "ClusterRole", name: "view", version: "1", exists: true, rights: ["get,list pods"] },
              {
                kind: "ConfigMap",
                namespace: "demo",
                name: "app",
                version: "1",
                resourceVersion: "7",
                exists: true,
              },
              { kind: "Secret", namespace: "demo", name: "db\u202e", version: "1", exists: false },
            ],
          },
          supersedes: {
            name: "delete-ns-prod-aaaa",
            diff: "-propagationPolicy: Foreground\n+propagationPolicy: Background\n",
          },
        },
        status: {
          decisions: [
            {
              ...{ user: "bob", verdict: "Approve", comment: "fine", groups: ["sre"] },
              time: "2026-11-21T09:59:58Z",
            },
          ],
        },
      }),
    ];
    const { code, stdout } = await hoop(["show", "delete-ns-prod-7x2k"], { approvals });
    expect(code).to.equal(0);
    expect(stdout).to.equal(
      [
        "Name:        delete-ns-prod-7x2k",
        "Namespace:   hoop-system",
        "State:       Pending (1 of 2 of platform or sre; security still missing)",
        "Agent:       dev-claude (credential JTI=1)",
        "Groups:      hoop:agents",
        "Agent says:  cleaning up",
        "Operation:   delete",
        "Target:      namespaces/prod (Namespace, uid 6f2e)",
        "Decided by:  2 different people of platform or sre, and 1 person of security",
        "Requested:   4s ago (2026-11-21T09:59:56Z)",
        "Expires:     59m (2026-11-21T10:59:56Z)",
        `Digest:      ${DIGEST}`,
        "Rules:",
        "  protect-namespaces: deletes everything in it",
        "Decisions:",
        "  bob approved 2s ago: fine",
        "Options:",
        "  {",
        '    "propagationPolicy": "Background"',
        "  }",
        "Refers to:",
        "  ClusterRole view, which allows",
        "    get,list pods",
        "  ConfigMap demo/app, at resourceVersion 7",
        "  Secret demo/db\\u{202e}, which does not exist",
        "Change:",
        "  --- namespaces/prod",
        "  +++ gone",
        "  @@ -1 +0,0 @@",
        "  -kind: Namespace",
        "Supersedes delete-ns-prod-aaaa, from which it differs in:",
        "  -propagationPolicy: Foreground",
        "  +propagationPolicy: Background",
        "",
      ].join("\n"),
    );
  });

  it("says in words what a command is, once", async () => {
    const change = {
      ...{ diff: "", wants: "run in container main of pod web:\n  sh -c 'echo one\n  echo \u001b[1A two'" },
      options: { command: ["sh"] },
    };
    const { stdout } = await hoop(["show", "delete-ns-prod-7x2k"], {
      approvals: [approval({ spec: { operation: "CONNECT", change } })],
    });
    const at = stdout.indexOf("Wants to:");
    expect(stdout.slice(at)).to.equal(
      [
        "Wants to:",
        "  run in container main of pod web:",
        "    sh -c 'echo one",
        "    echo \\u{1b}[1A two'",
        "",
      ].join("\n"),
    );
    expect(stdout).not.to.contain("Options:");
  });

  it("lets nothing an agent wrote act on the terminal or pass for a line of ours", async () => {
    const evil = "x\u001b[1A\rName:        harmless\nState:  \u202eApproved\u200b";
    const approvals = [
      approval({
        spec: {
          agent: { username: evil, groups: [evil] },
          reason: evil,
          target: { group: "", version: "v1", resource: "pods", kind: evil, namespace: evil, name: evil },
          rules: [{ name: evil, message: evil }],
          approvers: [{ groups: [evil], count: 2 }],
          change: {
            ...{ diff: `-${evil}\n+y`, options: { container: evil } },
            refersTo: [
              { kind: evil, namespace: evil, name: evil, exists: true, version: evil, rights: [evil] },
              { kind: evil, name: evil, exists: true, version: evil, resourceVersion: evil },
            ],
          },
          supersedes: { name: evil, diff: evil },
          reapproves: evil,
        },
        status: {
          decisions: [
            { user: evil, verdict: "Approve", comment: evil, groups: [evil], time: "2026-11-21T09:59:58Z" },
          ],
          conditions: [
            {
              type: evil,
              status: "False",
              reason: evil,
              message: evil,
              lastTransitionTime: "2026-11-21T09:59:58Z",
            },
          ],
        },
      }),
    ];
    const { stdout } = await hoop(["show", "delete-ns-prod-7x2k", "--color=never"], { approvals });
    expect(stdout).not.to.match(/[^\P{C}\n]/u);
    expect(stdout.split("\n").filter((line) => /^(Name|State):/.test(line))).to.have.length(2);
  });

  it("colours the change where that was asked for, and not the heads a change imitates", async () => {
    const diff = "--- a\n+++ b\n@@ -1 +1 @@\n same\n--- x\n+++ y";
    const approvals = [approval({ spec: { change: { diff } } })];
    const change = async (args: string[], color: boolean) =>
      (await hoop(["show", "delete-ns-prod-7x2k", ...args], { approvals, color })).stdout.split(
        "Change:\n",
      )[1];
    const colored =
      "  \u001b[1m--- a\u001b[0m\n  \u001b[1m+++ b\u001b[0m\n  \u001b[36m@@ -1 +1 @@\u001b[0m\n   same\n  \u001b[31m--- x\u001b[0m\n  \u001b[32m+++ y\u001b[0m\n";
    expect(await change([], true)).to.equal(colored);
    expect(await change(["--color=always"], false)).to.equal(colored);
    expect(await change(["--color", "never"], true)).to.equal(`  ${diff.replaceAll("\n", "\n  ")}\n`);
    expect(await change([], false)).to.equal(`  ${diff.replaceAll("\n", "\n  ")}\n`);
  });

  it("prints the object as it is for scripts, with every digit", async () => {
    const big = JSON.stringify(approval()).replace('"diff"', '"object":{"size":12345678901234567890},"diff"');
    const answer = () => ({ stdout: big });
    const { stdout } = await hoop(["show", "x", "-n", "shop", "-ojson"], { answer });
    expect(stdout).to.include('"size": 12345678901234567890');
    expect((await hoop(["show", "x", "-n", "shop", "-oyaml"], { answer })).stdout).to.include(
      "size: 12345678901234567890\n",
    );
  });

  const wrong = {
    "an unknown name": {
      args: ["nix"],
      says: /^error: there is no approval nix in any namespace; .*kubectl hoop pending\n$/,
    },
    "an unknown name in a namespace": {
      args: ["nix", "-n", "a"],
      says: /^error: there is no approval nix in namespace a; .*kubectl hoop pending\n$/,
    },
    "a name that two namespaces have": {
      args: ["twice"],
      says: /^error: there is an approval twice in each of the namespaces a, b: name one with -n\n$/,
    },
    "a name that leads elsewhere": {
      args: ["../../pods"],
      says: /^error: NAME "\.\.\/\.\.\/pods": not the name of an approval/,
    },
    "a namespace that leads elsewhere": {
      args: ["x", "-n", "a/b"],
      says: /^error: namespace "a\/b": not the name of a namespace/,
    },
    "no name": { args: [], says: /^error: NAME is missing/ },
  };
  for (const [what, { args, says }] of Object.entries(wrong))
    it(`refuses ${what}`, async () => {
      const approvals = [
        approval({ name: "twice", namespace: "a" }),
        approval({ name: "twice", namespace: "b" }),
      ];
      const { code, stdout, stderr } = await hoop(["show", ...args], { approvals });
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: "" });
      expect(stderr).to.match(says);
    });

  it("takes the name as -o name prints it", async () => {
    const { code } = await hoop(["show", "approval.hoop.dev/delete-ns-prod-7x2k"], {
      approvals: [approval()],
    });
    expect(code).to.equal(0);
  });

  it("tells a cluster without Hoop from a name that is unknown", async () => {
    const answer = () =>
      failed("Error from server (NotFound): the server could not find the requested resource");
    const { stderr } = await hoop(["show", "x", "-n", "shop"], { answer });
    expect(stderr).to.match(
      /^error: this cluster does not serve hoop\.dev\/v1alpha1: Hoop is not installed there/,
    );
  });
});
