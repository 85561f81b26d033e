import { expect } from "chai";
import { separated } from "../../../cli/arguments.ts";
import { apiError } from "../../../cli/failure.ts";
import { failed, hoop, type Ran } from "./scripted.ts";

const pick = ({ code, stdout, stderr }: Ran) => ({ code, stdout, stderr });

describe("kubectl hoop", () => {
  for (const command of [
    "pending",
    "show",
    "approve",
    "deny",
    "reapprove",
    "records",
    "run",
    "check",
    "doctor",
    "export",
    "review",
    "verify",
    "uninstall",
    "version",
  ])
    it(`explains ${command}, with usage as it is typed`, async () => {
      const { code, stdout, calls } = await hoop([command, "--help"]);
      expect(code).to.equal(0);
      expect(stdout).to.match(new RegExp(`^USAGE\n  kubectl hoop ${command}`));
      if (command !== "version") expect(stdout).to.match(new RegExp(`\n  # .*\n  kubectl hoop ${command} ?`));
      expect(calls).to.deep.equal([]);
    });

  it("lists its commands when none is given", async () => {
    const { code, stdout } = await hoop([]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/\n {2}pending +List the requests/);
  });

  for (const [typed, meant] of [
    [["help"], []],
    [
      ["help", "run"],
      ["run", "--help"],
    ],
    [
      ["help", "policy", "test"],
      ["policy", "test", "--help"],
    ],
    [["help", "aprove"], ["aprove"]],
  ])
    it(`understands ${typed?.join(" ")}`, async () => {
      const { code, stdout, stderr } = await hoop(typed ?? []);
      expect({ code, stdout, stderr }).to.include(pick(await hoop(meant ?? [])));
      expect(stdout + stderr).to.not.equal("");
    });

  it("tells its version", async () => {
    expect((await hoop(["version"])).stdout).to.match(/^kubectl-hoop v\d+\.\d+\.\d+\n$/);
  });

  const wrong = {
    "an unknown command": {
      args: ["aprove"],
      says: 'error: there is no command "aprove". Did you mean `approve`? See kubectl hoop --help\n',
    },
    "an unknown flag": {
      args: ["pending", "--wach"],
      says: "error: unknown flag --wach; did you mean --watch? (see --help)\n",
    },
    "an unknown letter": { args: ["pending", "-x"], says: "error: unknown flag -x (see --help)\n" },
    "an unknown format": {
      args: ["pending", "-oxml"],
      says: 'error: --output "xml": must be one of json, yaml, name, wide (see --help)\n',
    },
    "too many arguments": {
      args: ["show", "a", "b"],
      says: 'error: one argument too many: "b" (see --help)\n',
    },
  };
  for (const [what, { args, says }] of Object.entries(wrong))
    it(`refuses ${what}, on standard error, with exit code 1`, async () => {
      const { code, stdout, stderr } = await hoop(args);
      expect({ code, stdout, stderr }).to.deep.equal({ code: 1, stdout: "", stderr: says });
    });

  it("shows an answer that is not Hoop's for what it is", async () => {
    const html = await hoop(["pending"], { answer: () => ({ stdout: "<html>" }) });
    expect(html.stderr).to.match(/^error: the server's answer cannot be read: /);
    const other = await hoop(["pending"], { answer: () => ({ stdout: '{"kind":"Status"}' }) });
    expect(other.stderr).to.equal("error: the server's answer is not the ApprovalList that was asked for\n");
  });

  it("escapes what a server's message quotes", async () => {
    const { stderr } = await hoop(["pending"], {
      answer: () => failed("Error from server (BadRequest): \u001b[2J"),
    });
    expect(stderr).to.equal("error: \\u{1b}[2J\n");
  });
});

describe("arguments", () => {
  const cases: [string[], string[]][] = [
    [["-ojson"], ["-o", "json"]],
    [["-o=json"], ["-o", "json"]],
    [
      ["-wojson", "-Aw"],
      ["-w", "-o", "json", "-Aw"],
    ],
    [
      ["-nshop", "-n", "shop"],
      ["-n", "shop", "-n", "shop"],
    ],
    [["-mline\n-one"], ["-m", "line\n-one"]],
    [
      ["--output=json", "-", "x", "-h"],
      ["--output=json", "-", "x", "-h"],
    ],
    [["-Ao"], ["-A", "-o"]],
    [
      ["--", "-ojson"],
      ["--", "-ojson"],
    ],
  ];
  for (const [typed, meant] of cases)
    it(`${JSON.stringify(typed)} are ${JSON.stringify(meant)}`, () =>
      expect(separated(typed)).to.deep.equal(meant));
});

describe("what kubectl says when it fails", () => {
  const cases = {
    'Error from server (Forbidden): approvals.hoop.dev "x" is forbidden: only members of sre decide this approval':
      "forbidden: only members of sre decide this approval",
    'Error from server (Conflict): Operation cannot be fulfilled on approvals.hoop.dev "x": the digests differ':
      "the digests differ",
    "Error from server (ServiceUnavailable): the server is currently unable to handle the request":
      /^Hoop does not answer\./,
    "error: unable to retrieve the complete list of server APIs: hoop.dev/v1alpha1: stale GroupVersion discovery: hoop.dev/v1alpha1":
      /^Hoop does not answer\./,
    "Error from server (NotFound): the server could not find the requested resource":
      /^this cluster does not serve/,
    'error: the server doesn\'t have a resource type "approvals" in group "hoop.dev" and version "v1alpha1"':
      /^this cluster does not serve/,
    "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n":
      "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
    'error: context "nope" does not exist': 'context "nope" does not exist',
    "Error from server: something": "something",
    "": "kubectl ended with exit code 7",
  };
  for (const [stderr, says] of Object.entries(cases))
    it(`${stderr === "" ? "nothing" : stderr.trim()}: becomes one sentence`, () => {
      const { message } = apiError({ code: 7, stderr });
      if (typeof says === "string") expect(message).to.equal(says);
      else expect(message).to.match(says);
    });
});
