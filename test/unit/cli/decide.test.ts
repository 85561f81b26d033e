import { expect } from "chai";
import { approval, approvedBy, DIGEST, failed, hoop, type Script } from "./scripted.ts";

const NAME = "delete-ns-prod-7x2k";
const one = (script: Script = {}): Script => ({ approvals: [approval()], ...script });

describe("kubectl hoop approve", () => {
  it("shows the change, asks, and approves exactly what it has shown", async () => {
    const ran = await hoop(["approve", NAME, "-m", "CHG-12"], one({ interactive: true, says: "y" }));
    expect(ran.code).to.equal(0);
    expect(ran.asked).to.equal("Approve delete namespaces/prod for dev-claude? [y/N] ");
    expect(ran.stdout).to.match(
      /^Name: +delete-ns-prod-7x2k\n[\s\S]*-kind: Namespace\n\napproval\.hoop\.dev\/delete-ns-prod-7x2k approved\n$/,
    );
    expect(ran.decisions).to.deep.equal([{ verdict: "Approve", comment: "CHG-12", digest: DIGEST }]);
  });

  it("patches the subresource, in the approval's namespace", async () => {
    const ran = await hoop(["approve", NAME, "--yes"], one());
    expect(ran.calls.at(-1)).to.deep.equal([
      "patch",
      "approvals.v1alpha1.hoop.dev",
      NAME,
      "--namespace",
      "hoop-system",
      "--subresource=approval",
      "--type=merge",
      `--patch={"decision":{"verdict":"Approve","digest":"${DIGEST}"}}`,
      "--output=name",
    ]);
  });

  for (const says of ["", "n", "no", "yess", "ja"])
    it(`takes ${JSON.stringify(says)} for no`, async () => {
      const ran = await hoop(["approve", NAME], one({ interactive: true, says }));
      expect(ran.code).to.equal(1);
      expect(ran.decisions).to.deep.equal([]);
      expect(ran.stderr).to.equal(`error: ${NAME} was not approved: you did not say yes\n`);
    });

  const unattended = {
    "nothing reviewed": { args: [], code: 1, says: /^error: approve asks on a terminal, and this is none/ },
    "--yes": { args: ["--yes"], code: 0 },
    "the digest that was reviewed": { args: ["--digest", "3f9c41d8"], code: 0 },
    "the digest as others write it": { args: [`--digest=sha256:${DIGEST.toUpperCase()}`], code: 0 },
    "another digest": {
      args: ["--digest", "3f9c41d9"],
      code: 1,
      says: /not 3f9c41d9: it is not what was reviewed/,
    },
    "a digest too short to mean anything": {
      args: ["--digest", "3f9"],
      code: 1,
      says: /^error: digest "3f9": not a digest/,
    },
  };
  for (const [what, { args, code, ...expected }] of Object.entries(unattended))
    it(`without a terminal, with ${what}, ${code === 0 ? "approves" : "refuses"}`, async () => {
      const ran = await hoop(["approve", NAME, ...args], one());
      expect(ran.code).to.equal(code);
      expect(ran.asked).to.equal("");
      expect(ran.decisions).to.have.length(code === 0 ? 1 : 0);
      if ("says" in expected) expect(ran.stderr).to.match(expected.says);
    });

  it("binds one approval by a digest, not several", async () => {
    const ran = await hoop(["approve", "a", "b", "--digest", "3f9c41d8"]);
    expect(ran.code).to.equal(1);
    expect(ran.stderr).to.equal("error: --digest binds one approval: name only that one\n");
  });

  it("still asks on a terminal when a digest is given", async () => {
    const ran = await hoop(["approve", NAME, "--digest", "3f9c41d8"], one({ interactive: true, says: "n" }));
    expect(ran.decisions).to.deep.equal([]);
  });

  it("decides the others when one of several fails, and exits 1", async () => {
    const ran = await hoop(["approve", NAME, "nix", "b", "nax", "--yes"], {
      approvals: [approval(), approval({ name: "b", namespace: "shop" })],
    });
    expect(ran.code).to.equal(1);
    expect(ran.stdout).to.equal(`approval.hoop.dev/${NAME} approved\napproval.hoop.dev/b approved\n`);
    expect(ran.stderr.match(/^error: there is no approval n[ia]x/gm)).to.have.length(2);
  });

  it("is no error again by the same person, before and after use", async () => {
    for (const phase of ["Approved", "Used"] as const) {
      const ran = await hoop(["approve", NAME, "--yes"], {
        approvals: [approval({ status: { ...approvedBy("bob"), phase } })],
      });
      expect(ran.code).to.equal(0);
      expect(ran.stdout).to.equal(`approval.hoop.dev/${NAME} approved (already, by you)\n`);
      expect(ran.decisions).to.deep.equal([]);
    }
  });

  it("is no error when the same person was faster in another window", async () => {
    const approvals = [approval()];
    const ran = await hoop(["approve", NAME, "--yes"], {
      approvals,
      answer: ([verb]) => {
        if (verb !== "patch") return undefined;
        approvals[0] = approval({ status: approvedBy("bob") });
        return failed(
          `Error from server (Conflict): Operation cannot be fulfilled on approvals.hoop.dev "${NAME}": the approval is Approved already, decided by bob`,
        );
      },
    });
    expect(ran.code).to.equal(0);
    expect(ran.stdout).to.equal(`approval.hoop.dev/${NAME} approved (already, by you)\n`);
  });

  const late = {
    "somebody else has approved": { status: approvedBy("chen", "ok"), says: "Approved by chen: ok" },
    "it was denied after this person approved": {
      status: {
        phase: "Denied",
        decisions: [
          { user: "bob", verdict: "Approve", time: "2026-11-21T09:59:58Z" },
          { user: "eve", verdict: "Deny", comment: "no", time: "2026-11-21T09:59:59Z" },
        ],
      },
      says: "Denied by eve: no",
    },
    "it has run out, though nobody wrote that yet": {
      status: { expiresAt: "2026-11-21T10:00:00Z" },
      says: "Expired; if the agent asks again, a new one appears",
    },
    "a newer one took its place": {
      status: { phase: "Superseded" },
      says: "Superseded; the agent has asked for something newer: kubectl hoop pending",
    },
  } as const;
  for (const [what, { status, says }] of Object.entries(late))
    it(`says so when ${what}`, async () => {
      const ran = await hoop(["approve", NAME, "--yes"], {
        approvals: [approval({ status: structuredClone(status) as never })],
      });
      expect(ran.code).to.equal(1);
      expect(ran.stderr).to.equal(`error: ${NAME} can no longer be decided: ${says}\n`);
      expect(ran.decisions).to.deep.equal([]);
    });

  it("says how many people are still missing", async () => {
    const approvals = [approval({ spec: { approvers: [{ groups: [], count: 2 }] } })];
    const ran = await hoop(["approve", NAME, "--yes"], { approvals });
    expect(ran.stdout).to.equal(
      `approval.hoop.dev/${NAME} approved (it still waits for other people: 1 of 2 people)\n`,
    );
  });

  it("gives the server's reason in one sentence", async () => {
    const answer = ([verb]: readonly string[]) =>
      verb === "patch"
        ? failed(
            `Error from server (Forbidden): approvals.hoop.dev "${NAME}" is forbidden: nobody decides a request of their own`,
          )
        : undefined;
    const ran = await hoop(["approve", NAME, "--yes"], one({ answer }));
    expect(ran.code).to.equal(1);
    expect(ran.stderr).to.equal("error: forbidden: nobody decides a request of their own\n");
  });

  it("tries without deciding", async () => {
    const client = await hoop(["approve", NAME, "--dry-run=client"], one({ interactive: true }));
    expect(client.stdout).to.equal(`approval.hoop.dev/${NAME} approved (dry run)\n`);
    expect([client.asked, client.decisions]).to.deep.equal(["", []]);
    const server = await hoop(["approve", NAME, "--dry-run", "server"], one());
    expect(server.stdout).to.equal(`approval.hoop.dev/${NAME} approved (server dry run)\n`);
    expect(server.calls.at(-1)).to.include("--dry-run=server");
  });

  it("prints the decided approval for scripts", async () => {
    expect((await hoop(["approve", NAME, "--yes", "-oname"], one())).stdout).to.equal(
      `approval.hoop.dev/${NAME}\n`,
    );
    const { stdout } = await hoop(["approve", NAME, "--yes", "-ojson"], one());
    expect(JSON.parse(stdout).status.phase).to.equal("Approved");
  });
});

describe("kubectl hoop deny", () => {
  it("denies without asking, and says why", async () => {
    const ran = await hoop(["deny", NAME, "-m", "prod stays"], one({ interactive: true }));
    expect(ran.code).to.equal(0);
    expect(ran.stdout).to.equal(`approval.hoop.dev/${NAME} denied\n`);
    expect(ran.decisions).to.deep.equal([{ verdict: "Deny", comment: "prod stays", digest: DIGEST }]);
  });

  for (const args of [[], ["-m", ""], ["-m", "  "]])
    it(`needs a comment, not ${JSON.stringify(args)}`, async () => {
      const ran = await hoop(["deny", NAME, ...args], one());
      expect(ran.code).to.equal(1);
      expect(ran.stderr).to.match(/^error: (--message is needed|message ".*": say why)/);
      expect(ran.calls).to.deep.equal([]);
    });
});

describe("a decision", () => {
  for (const verb of [
    ["approve", "--yes"],
    ["deny", "-m", "no"],
  ])
    for (const as of [["--as", "eve"], ["--as-group=admins"]])
      it(`by ${verb[0]} refuses ${as[0]}, before it asks the cluster anything`, async () => {
        const ran = await hoop([...verb, NAME, ...as], one());
        expect(ran.code).to.equal(1);
        expect(ran.stderr).to.match(
          /^error: a decision is made in one's own name, so --as and --as-group are refused/,
        );
        expect(ran.calls).to.deep.equal([]);
      });
});

describe("kubectl hoop reapprove", () => {
  const used = (): Script => ({ approvals: [approval({ status: { ...approvedBy("bob"), phase: "Used" } })] });
  const answer: Script["answer"] = (args) => {
    if (args[0] !== "patch") return undefined;
    const reapproval = { name: "delete-ns-prod-9z9z", phase: "Approved" };
    return { stdout: JSON.stringify({ kind: "ApprovalDecision", reapproval }) };
  };

  it("asks for the same again, and says which approval that made", async () => {
    const { code, stdout, calls } = await hoop(["reapprove", NAME, "--yes", "-m", "quota raised"], {
      ...used(),
      answer,
    });
    expect(code).to.equal(0);
    expect(stdout).to.equal(
      `approval.hoop.dev/${NAME} approved again, as approval.hoop.dev/delete-ns-prod-9z9z\n`,
    );
    expect(calls.at(-1)).to.include.members([
      `--patch={"decision":{"verdict":"Reapprove","comment":"quota raised","digest":"${DIGEST}"}}`,
      "--output=json",
    ]);
  });

  it("shows it and asks, on a terminal", async () => {
    const ran = await hoop(["reapprove", NAME], { ...used(), answer, interactive: true, says: "n" });
    expect(ran.asked).to.equal("Reapprove delete namespaces/prod for dev-claude? [y/N] ");
    expect(ran.code).to.equal(1);
    expect((await hoop(["reapprove", NAME], used())).stderr).to.match(/^error: reapprove asks on a terminal/);
  });

  for (const phase of ["Pending", "Approved", "Denied", "Superseded", "Void"] as const)
    it(`does not ask for it where it is ${phase}`, async () => {
      const ran = await hoop(["reapprove", NAME, "--yes"], { approvals: [approval({ status: { phase } })] });
      expect(ran.code).to.equal(1);
      expect(ran.decisions).to.deep.equal([]);
      expect(ran.stderr).to.contain("cannot be approved again, as only what is Used or Expired can");
    });

  it("refuses --as, as every decision does", async () => {
    const { stderr } = await hoop(["reapprove", NAME, "--yes", "--as", "eve"], used());
    expect(stderr).to.match(/^error: a decision is made in one's own name/);
  });
});
