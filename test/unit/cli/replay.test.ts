import { expect } from "chai";
import { completions, failed, hoop, json, type Script } from "./scripted.ts";

const UID = "0b9c";
const AGENT = { username: "bot", groups: [] };
const OWN = "shop/bot-1";
const EXEC = "/api/v1/namespaces/shop/pods/web/exec?command=sh&tty=true";

function record(name: number, spec: object, namespace = "shop") {
  const time = `2026-11-21T10:00:${String(name).padStart(2, "0")}.250000Z`;
  return {
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Record" },
    metadata: { name: String(name), namespace },
    spec: { time, ...spec },
  };
}

const life = (name: number, event: string, more: object = {}, uid = UID, namespace = "shop") =>
  record(
    name,
    {
      ...{ kind: "session", event, agent: AGENT, profile: "bot", expiresAt: "2026-11-21T11:00:00Z" },
      session: { namespace, name: "bot-1", uid },
      serviceAccount: { namespace: "work", name: "bot" },
      ...more,
    },
    namespace,
  );
const call = (name: number, event: string, id: string, more: object = {}) =>
  record(name, {
    ...{ kind: "brokered", event, call: id, agent: AGENT, profile: "bot", method: "GET", verb: "list" },
    session: { namespace: "shop", name: "bot-1", uid: UID },
    uri: "/api/v1/namespaces/shop/pods?limit=500",
    ...more,
  });
const exec = { uri: EXEC, target: { version: "v1", group: "", resource: "pods", subresource: "exec" } };

const RECORDS = [
  life(0, "begun"),
  call(1, "request", "a", { command: "kubectl get" }),
  call(3, "response", "a", { code: 200, milliseconds: 34, bytes: 512 }),
  call(4, "request", "b", { ...exec, command: "kubectl exec" }),
  record(5, {
    ...{
      kind: "admission",
      agent: AGENT,
      session: OWN,
      operation: "CONNECT",
      answer: "held",
      rules: [{ name: "exec" }],
    },
    target: {
      group: "",
      version: "v1",
      resource: "pods",
      subresource: "exec",
      name: "web",
      namespace: "shop",
    },
    approval: { name: "exec-web-1", namespace: "shop", use: "waiting" },
  }),
  record(6, {
    ...{
      kind: "approval",
      event: "decided",
      agent: AGENT,
      session: OWN,
      operation: "CONNECT",
      phase: "Approved",
    },
    target: {
      group: "",
      version: "v1",
      resource: "pods",
      subresource: "exec",
      name: "web",
      namespace: "shop",
    },
    approval: { name: "exec-web-1", namespace: "shop" },
    decision: { user: "bob", verdict: "Approve", comment: "ok" },
  }),
  call(7, "request", "c", { uri: "/api/v1/nodes\u001b[2J" }),
  call(8, "response", "c", {
    uri: "/api/v1/nodes\u001b[2J",
    code: 0,
    milliseconds: 1200,
    message: "the client left",
  }),
  life(9, "revoked", { message: "deleted by root" }),
];
const SOMEBODY = record(11, { ...RECORDS[4]?.spec, session: "demo/bot-1" });
const ran = (args: string[], records = [...RECORDS, SOMEBODY], script: Script = {}) =>
  hoop(["replay", "bot-1", ...args], { records, ...script });

describe("kubectl hoop replay", () => {
  it("tells what was asked, answered and decided, in order", async () => {
    const { stdout, code } = await ran([]);
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ {3,}/))).to.deep.equal([
      ["AT", "RECORD", "COMMAND", "WHAT", "ANSWER", "TOOK", "BYTES"],
      ["0:00.000", "0", "<none>", "session begun", "until 2026-11-21T11:00:00Z", "<none>", "<none>"],
      ["0:01.000", "1", "kubectl get", "GET /api/v1/namespaces/shop/pods?limit=500", "200", "34ms", "512"],
      ["0:04.000", "4", "kubectl exec", `GET ${EXEC}`, "<none>", "<none>", "<none>"],
      ["0:05.000", "5", "<none>", "exec pods/web", "held (exec-web-1 waiting) by exec", "<none>", "<none>"],
      ["0:06.000", "6", "<none>", "exec pods/web", "Approve by bob: ok", "<none>", "<none>"],
      [
        "0:07.000",
        "7",
        "<none>",
        "GET /api/v1/nodes\\u{1b}[2J",
        "no answer: the client left",
        "1.2s",
        "<none>",
      ],
      ["0:09.000", "9", "<none>", "session revoked", "deleted by root", "<none>", "<none>"],
    ]);
  });

  it("asks for no more than the records of the session, wherever they lie", async () => {
    const { calls } = await ran(["-n", "shop"]);
    expect(calls.map(([, , path]) => path)).to.deep.equal([
      "/apis/hoop.dev/v1alpha1/namespaces/shop/records?fieldSelector=spec.session.name%3Dbot-1",
      "/apis/hoop.dev/v1alpha1/records?fieldSelector=spec.session.name%3Dbot-1",
    ]);
  });

  it("tells what was done directly with one credential, by the name that this has", async () => {
    const direct = [4, 5].map((at) => record(at, { ...RECORDS[at]?.spec, session: "direct-0a1b" }));
    const { stdout, code } = await hoop(["replay", "direct-0a1b"], { records: direct });
    expect(code).to.equal(0);
    expect(stdout.trim().split("\n")).to.have.length(3);
  });

  it("tells the newest of a name, and wants to know the namespace where there are several", async () => {
    const { stdout } = await ran([], [life(1, "begun", {}, "older"), life(2, "begun", {}, "newer")]);
    expect(stdout.trim().split("\n")).to.have.length(2);
    const several = await ran([], [life(1, "begun"), life(2, "begun", {}, "x", "demo")]);
    expect(several.stderr).to.contain("in the namespaces shop, demo: name one with -n");
  });

  it("shows who may not look everywhere what he may see", async () => {
    const answer: Script["answer"] = (args) =>
      args[2]?.startsWith("/apis/hoop.dev/v1alpha1/records?") === true
        ? failed("Error from server (Forbidden): records.hoop.dev is forbidden: no")
        : undefined;
    const { stdout, code } = await ran(["-n", "shop"], RECORDS, { answer });
    expect(code).to.equal(0);
    expect(stdout).to.contain("Approve by bob");
  });

  const refusals = {
    "of a session that never was": [[], [], "no record of a session bot-1"],
    "of a command that was not run": [["--play"], RECORDS.slice(0, 3), "no command was run in a pod"],
    "of another record": [["--play=1"], RECORDS, "Name its record with --play=RECORD: 4 ("],
    "in two formats at once": [["--json", "--asciicast"], RECORDS, "not both"],
    "at no speed": [["--play", "--speed=0"], RECORDS, "not a speed"],
  } as const;
  for (const [what, [args, records, says]] of Object.entries(refusals))
    it(`says that there is none ${what}`, async () => {
      const { code, stderr } = await ran([...args], [...records]);
      expect(code).to.not.equal(0);
      expect(stderr).to.contain(says);
    });

  const ESC = "\u001b";
  const chunk = (at: number, text: string) => ({
    at,
    channel: 1,
    data: Buffer.from(text).toString("base64"),
  });
  const tape = {
    ...call(5, "stream", "b", exec),
    payload: {
      chunks: [chunk(10, `${ESC}[1mbold${ESC}[0m\r\n`), chunk(900, `${ESC}]52;c;eA==\u0007end\r\n`)],
    },
  };
  const PLAYED = [...RECORDS.slice(0, 4), tape];
  const RESET = `${ESC}[0m${ESC}[?25h${ESC}[?1049l${ESC}[r`;

  it("plays a command in a pod on a terminal, and leaves the terminal as it was", async () => {
    const { stdout, stderr, code } = await ran(["--play"], PLAYED, { shown: true, types: [] });
    expect(code).to.equal(0);
    expect(stdout).to.equal(`${ESC}[1mbold${ESC}[0m\r\nend\r\n${RESET}`);
    expect(stderr).to.contain("space: pause");
  });

  const keys = {
    "goes to the end": [["G"], `${ESC}[1mbold${ESC}[0m\r\nend\r\n`],
    "ends where it is": [["q"], ""],
    "goes on, and back to the beginning": [
      [`${ESC}[C`, `${ESC}[D`, "q"],
      `${ESC}[1mbold${ESC}[0m\r\nend\r\n${ESC}[0m${ESC}[2J${ESC}[3J${ESC}[H`,
    ],
    "pauses, goes on, and hears nothing else": [
      ["x", " ", " ", "+", "-", "G"],
      `${ESC}[1mbold${ESC}[0m\r\nend\r\n`,
    ],
  } as const;
  for (const [what, [pressed, shown]] of Object.entries(keys))
    it(`${what} when it is told to`, async () => {
      const { stdout } = await ran(["--play"], PLAYED, { shown: true, types: [], keys: [...pressed] });
      expect(stdout).to.equal(`${shown}${RESET}`);
    });

  it("prints it where there is no terminal, or as an asciicast", async () => {
    expect((await ran(["--play=4"], PLAYED)).stdout).to.equal("bold\nend\n");
    const [header = "", ...lines] = (await ran(["--asciicast"], PLAYED)).stdout.trimEnd().split("\n");
    expect(JSON.parse(header)).to.include({ version: 2, width: 80, height: 24 });
    expect(lines).to.have.length(2);
  });

  it("is proposed with its flags", async () => {
    expect(await completions(["replay", "bot-1", "--as"], {})).to.contain("--asciicast\t");
  });
});

describe("kubectl hoop watch", () => {
  const event = (object: object) => JSON.stringify({ type: "ADDED", object });

  it("shows what was, then what comes, and ends with the session", async () => {
    const watches = [RECORDS.slice(2).map(event)];
    const offered = [{ name: "records", verbs: ["list", "watch"] }];
    const answer: Script["answer"] = (args) =>
      args[2] === "/apis/hoop.dev/v1alpha1"
        ? json({ kind: "APIResourceList", resources: offered })
        : undefined;
    const { stdout, code } = await hoop(["watch", "bot-1"], {
      ...{ records: RECORDS.slice(0, 3), watches, answer },
      onWatched: () => undefined,
    });
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split("\n").slice(1);
    expect(lines.map((line) => line.split(/ {3,}/).slice(1, 5).join("|"))).to.deep.equal([
      "0|<none>|session begun|until 2026-11-21T11:00:00Z",
      "1|kubectl get|GET /api/v1/namespaces/shop/pods?limit=500|<none>",
      "3|<none>|GET /api/v1/namespaces/shop/pods?limit=500|200",
      `4|kubectl exec|GET ${EXEC}|<none>`,
      "5|<none>|exec pods/web|held (exec-web-1 waiting) by exec",
      "6|<none>|exec pods/web|Approve by bob: ok",
      "7|<none>|GET /api/v1/nodes\\u{1b}[2J|<none>",
      "8|<none>|GET /api/v1/nodes\\u{1b}[2J|no answer: the client left",
      "9|<none>|session revoked|deleted by root",
    ]);
  });
});
