import { expect } from "chai";
import {
  type Answered,
  approval,
  completions,
  failed,
  hoop,
  json,
  type Ran,
  type Script,
} from "./scripted.ts";

const ROOT = "/apis/hoop.dev/v1alpha1/namespaces/shop/secure-secrets";
const MASK = Buffer.from("[masked:tag.bond]").toString("base64");
const base64 = (value: string | Uint8Array) => Buffer.from(value).toString("base64");
const HELD =
  'Error from server (Forbidden): secure-secrets.hoop.dev "db" is forbidden: hoop: HELD, not refused. ' +
  "approval=update-secret-db-7x2k namespace=shop rule=secret-change state=Pending expires=2026-11-21T11:00:00Z.";

function view(more: object = {}): object {
  const metadata = { name: "db", namespace: "shop", resourceVersion: "7", uid: "u" };
  const content = { type: "Opaque", data: { password: MASK, user: MASK }, sizes: { password: "up to 64 B" } };
  return { apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret", metadata, ...content, ...more };
}

/** A cluster that has shop/db. `writes`: the answers to writes, one after the other. */
function cluster(writes: Answered[] = [], there: object | null = view()): Pick<Script, "answer"> {
  const left = [...writes];
  return {
    answer: (args, input) => {
      if (input === undefined && args[0] === "get" && args[1] === `--raw=${ROOT}/db`)
        return there === null
          ? failed('Error from server (NotFound): secure-secrets.hoop.dev "db" not found')
          : json(there);
      if (args.includes("--dry-run=client")) return { stdout: "shop" };
      if (input !== undefined) return left.shift() ?? json(view());
      return undefined;
    },
  };
}

const sentIn = ({ inputs }: Ran) => inputs.map((input) => JSON.parse(input));
const SET = ["secret", "set", "shop/db", "password"];
const REVEAL = ["secret", "reveal", "shop/db", "password"];

describe("secret set", () => {
  it("sends the value on standard input, to the version that was read, and all else as it was shown", async () => {
    const ran = await hoop(SET, { ...cluster(), input: "n3xt" });
    expect(ran).to.include({
      code: 0,
      stdout: "securesecret.hoop.dev/db changed, password set\n",
      stderr: "",
    });
    expect(ran.calls.at(-1)).to.deep.equal([
      "replace",
      `--raw=${ROOT}/db?fieldManager=kubectl-hoop`,
      "--filename=-",
    ]);
    const { sizes: _, ...rest } = view({ data: { password: base64("n3xt"), user: MASK } }) as {
      sizes: object;
    };
    expect(sentIn(ran)).to.deep.equal([rest]);
  });

  it("never has the value among the words of a command", async () => {
    const ran = await hoop(SET, { ...cluster(), input: "n3xt" });
    const words = ran.calls.flat().join(" ");
    expect(words).not.to.contain("n3xt").and.not.to.contain(base64("n3xt"));
  });

  const TAKEN: readonly [string, string | Uint8Array, string[], string | Uint8Array][] = [
    ["a line without its end", "n3xt\n", [], "n3xt"],
    ["a line without its end, as Windows has it", "n3xt\r\n", [], "n3xt"],
    ["a line with its end, where it is to be kept", "n3xt\n", ["--keep-newline"], "n3xt\n"],
    ["two line ends as they are", "n3xt\n\n", [], "n3xt\n\n"],
    ["several lines as they are", "-----BEGIN\nabc\n-----END\n", [], "-----BEGIN\nabc\n-----END\n"],
    ["what is not text as it is", Uint8Array.of(0xff, 0xfe, 0x0a), [], Uint8Array.of(0xff, 0xfe, 0x0a)],
    ["what holds a NUL as it is", "a\0\n", [], "a\0\n"],
  ];
  for (const [name, input, flags, taken] of TAKEN)
    it(`takes ${name}`, async () => {
      const ran = await hoop([...SET, ...flags], { ...cluster(), input });
      expect(sentIn(ran)[0].data.password).to.equal(base64(taken));
    });

  it("asks on a terminal, twice", async () => {
    const ran = await hoop(SET, { ...cluster(), types: ["n3xt", "n3xt"] });
    expect(ran.asked).to.equal("Value: Once more: ");
    expect(sentIn(ran)[0].data.password).to.equal(base64("n3xt"));
  });

  const REFUSED: readonly [string, string[], Script, string][] = [
    ["two answers that differ", SET, { ...cluster(), types: ["n3xt", "next"] }, "what was typed differs"],
    ["no answer", SET, { ...cluster(), types: [""] }, "there is no value"],
    ["nothing piped", SET, { ...cluster(), input: "" }, "there is no value"],
    ["an empty line", SET, { ...cluster(), input: "\n" }, "there is no value"],
    ["a Secret that is not there", SET, { ...cluster([], null), input: "a" }, "to make one: --create"],
    ["a type of what is there", [...SET, "--type=x"], { ...cluster(), input: "a" }, "--type is for --create"],
    [
      "another type than it has",
      [...SET, "--create", "--type=kubernetes.io/tls"],
      { ...cluster(), input: "a" },
      "of type Opaque, which does not change",
    ],
    ["a key that is none", ["secret", "set", "db", "a/b"], {}, "not a key of a Secret"],
    ["a name that is none", ["secret", "set", "a/b/c", "key"], {}, "not the name of a Secret"],
  ];
  for (const [name, args, script, why] of REFUSED)
    it(`refuses ${name}`, async () => {
      const ran = await hoop(args, script);
      expect(ran.code).to.equal(1);
      expect(ran.stderr).to.contain(why);
      expect(ran.inputs).to.deep.equal([]);
    });

  it("does not ask for the value of a Secret that is not there", async () => {
    const ran = await hoop(SET, { ...cluster([], null), types: ["n3xt", "n3xt"] });
    expect(ran.asked).to.equal("");
  });

  it("makes a Secret where it is told to", async () => {
    const ran = await hoop([...SET, "--create", "--type=example.com/x"], {
      ...cluster([], null),
      input: "a",
    });
    expect(ran.stdout).to.equal("securesecret.hoop.dev/db created, password set\n");
    expect(ran.calls.at(-1)?.slice(0, 2)).to.deep.equal([
      "create",
      `--raw=${ROOT}?fieldManager=kubectl-hoop`,
    ]);
    expect(sentIn(ran)).to.deep.equal([
      {
        ...{ apiVersion: "hoop.dev/v1alpha1", kind: "SecureSecret", type: "example.com/x" },
        ...{ metadata: { name: "db", namespace: "shop" }, data: { password: base64("a") } },
      },
    ]);
  });

  it("looks into the namespace of kubectl where none is typed", async () => {
    const ran = await hoop(["secret", "set", "db", "password"], { ...cluster(), input: "a" });
    expect(ran.code).to.equal(0);
    expect(ran.calls.at(-1)).to.include(`--raw=${ROOT}/db?fieldManager=kubectl-hoop`);
  });

  it("lets the server try it", async () => {
    const ran = await hoop([...SET, "--dry-run=server"], { ...cluster(), input: "a" });
    expect(ran.calls.at(-1)).to.include(`--raw=${ROOT}/db?fieldManager=kubectl-hoop&dryRun=All`);
    expect(ran.stdout).to.contain("(server dry run)");
  });

  it("reads again where somebody else was faster, and gives up in the end", async () => {
    const conflict = failed(
      'Error from server (Conflict): Operation cannot be fulfilled on secure-secrets.hoop.dev "db": the object has been modified',
    );
    const once = await hoop(SET, { ...cluster([conflict]), input: "a" });
    expect(once).to.include({ code: 0 });
    expect(once.inputs).to.have.length(2);
    const always = await hoop(SET, { ...cluster(Array(9).fill(conflict)), input: "a" });
    expect(always).to.include({ code: 1, stderr: "error: the object has been modified\n" });
  });

  it("exits with 75 while it is held, and says how to go on", async () => {
    const ran = await hoop(SET, { ...cluster([failed(HELD)]), input: "a" });
    expect(ran.code).to.equal(75);
    expect(ran.stderr).to.contain("HELD, not refused. approval=update-secret-db-7x2k namespace=shop");
  });

  it("goes on asking while it is told to, as kubectl does for other requests", async () => {
    const wait = failed(HELD.replace(/\(Forbidden\): .* hoop: /, "(TooManyRequests): "));
    const passed = await hoop(SET, {
      ...cluster([wait, wait]),
      ...{ input: "a", onWatched: () => undefined },
    });
    expect(passed).to.include({ code: 0 });
    expect(passed.inputs).to.have.length(3);
    const busy = failed("Error from server (TooManyRequests): a value of this key was written too often");
    const refused = await hoop(SET, { ...cluster([busy]), input: "a" });
    expect(refused).to.include({ code: 1 });
    expect(refused.inputs).to.have.length(1);
  });

  const DENIALS: readonly [string, string][] = [
    [
      "a person",
      "hoop: denied by bob: not today. approval=shop/update-secret-db-7x2k. Do not look for another way.",
    ],
    ["a rule", "hoop: denied for agents: a credential for the API server itself (rule identity-secret)"],
  ];
  for (const [who, why] of DENIALS)
    it(`exits with 77 where ${who} says no`, async () => {
      const refused = failed(
        `Error from server (Forbidden): secure-secrets.hoop.dev "db" is forbidden: ${why}`,
      );
      const ran = await hoop(SET, { ...cluster([refused]), input: "a" });
      expect(ran.code).to.equal(77);
      expect(ran.stderr).to.contain(why);
    });

  const decided = (phase: "Approved" | "Denied") =>
    approval({ name: "update-secret-db-7x2k", namespace: "shop", status: { phase } });

  it("waits for the decision where it is told to, and writes once more", async () => {
    const ran = await hoop([...SET, "--wait"], {
      ...cluster([failed(HELD)]),
      ...{ input: "a", approvals: [decided("Approved")] },
    });
    expect(ran).to.include({ code: 0, stdout: "securesecret.hoop.dev/db changed, password set\n" });
    expect(ran.stderr).to.contain("running the same command again");
    expect(ran.inputs).to.have.length(2);
    expect(ran.inputs[1]).to.equal(ran.inputs[0]);
  });

  it("exits with 77 where it waited for a no", async () => {
    const ran = await hoop([...SET, "--wait=1m"], {
      ...cluster([failed(HELD)]),
      ...{ input: "a", approvals: [decided("Denied")] },
    });
    expect(ran.code).to.equal(77);
    expect(ran.inputs).to.have.length(1);
  });
});

describe("secret reveal", () => {
  const revealed = (value: string | Uint8Array) => json({ kind: "SecretReveal", value: base64(value) });
  const BINARY = Uint8Array.of(0, 255, 10);

  it("writes the bytes of the value to standard output, and nothing else", async () => {
    const ran = await hoop(REVEAL, cluster([revealed(BINARY)]));
    expect(ran).to.include({ code: 0, stdout: "", stderr: "" });
    expect(ran.bytes).to.deep.equal([...BINARY]);
  });

  it("asks for one key, with the reason", async () => {
    const ran = await hoop([...REVEAL, "--reason", "to restore"], cluster([revealed("v")]));
    expect(ran.calls.at(-1)?.[1]).to.equal(`--raw=${ROOT}/db/reveal?fieldManager=kubectl-hoop`);
    const metadata = { namespace: "shop", name: "db", annotations: { "hoop.dev/reason": "to restore" } };
    expect(sentIn(ran)).to.deep.equal([
      { apiVersion: "hoop.dev/v1alpha1", kind: "SecretReveal", metadata, key: "password" },
    ]);
  });

  const SHOWN: readonly [string, string | Uint8Array, string, string][] = [
    ["text with a line end", "v", "v\n", ""],
    ["lines as they are", "a\nb\n", "a\nb\n", ""],
    ["bytes in base64", BINARY, `${base64(BINARY)}\n`, "not text"],
    ["what a terminal would act on in base64", "\u001b[2J", `${base64("\u001b[2J")}\n`, "not text"],
  ];
  for (const [name, value, stdout, stderr] of SHOWN)
    it(`shows on a terminal ${name}`, async () => {
      const ran = await hoop(REVEAL, { ...cluster([revealed(value)]), shown: true });
      expect(ran).to.include({ code: 0, stdout });
      expect(ran.stderr).to.contain(stderr);
      expect(ran.bytes).to.deep.equal([]);
    });

  it("bothers nobody about a key or a Secret that is not there", async () => {
    const key = await hoop(["secret", "reveal", "shop/db", "pass"], cluster());
    expect(key).to.include({ code: 1, stderr: "error: db has no key pass: it has password, user\n" });
    const secret = await hoop(REVEAL, cluster([], null));
    expect(secret).to.include({ code: 1, stderr: "error: there is no Secret db in namespace shop\n" });
    expect([...key.inputs, ...secret.inputs]).to.deep.equal([]);
  });

  it("exits with 75 while it is held, and prints nothing", async () => {
    const ran = await hoop(REVEAL, cluster([failed(HELD)]));
    expect(ran).to.include({ code: 75, stdout: "" });
    expect(ran.bytes).to.deep.equal([]);
  });
});

describe("completion of secrets", () => {
  const values = async (words: string[]) => {
    const answer: Script["answer"] = (args, input) => {
      if (args[1] === "secure-secrets.v1alpha1.hoop.dev")
        return { stdout: args.includes("--namespace=shop") ? "securesecret.hoop.dev/db\n" : "" };
      if (args[1] === "namespaces") return { stdout: "namespace/shop\nnamespace/other\n" };
      return cluster().answer?.(args, input);
    };
    return (await completions(words, { answer })).trimEnd().split("\n");
  };
  const first = (lines: string[]) => lines.map((line) => line.split("\t")[0]);

  it("goes from the namespace to the Secret to its keys", async () => {
    expect(first(await values(["secret", "set", "s"]))).to.deep.equal(["shop/", ":4"]);
    expect(first(await values(["secret", "set", "shop/"]))).to.deep.equal(["shop/db", ":4"]);
    expect(first(await values(["secret", "reveal", "-n", "shop", ""]))).to.include("db");
    expect(await values(["secret", "set", "shop/db", "pass"])).to.deep.equal(["password\tup to 64 B", ":4"]);
    expect(first(await values(["secret", "reveal", "shop/db", ""]))).to.deep.equal([
      "password",
      "user",
      ":4",
    ]);
  });

  it("says nothing where the Secret cannot be read", async () => {
    const answer = () => failed("Error from server (Forbidden): no");
    expect(await completions(["secret", "set", "shop/db", ""], { answer })).to.equal(":4\n");
  });
});
