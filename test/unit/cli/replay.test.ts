import { expect } from "chai";
import { approval, completions, failed, hoop, json, type Script } from "./scripted.ts";

const UID = "0b9c";
const AGENT = { username: "bot", groups: [] };
const OWN = "shop/bot-1";
const NS_EXEC = "/api/v1/namespaces/shop/pods/web/exec";
const EXEC = `${NS_EXEC}?command=sh&tty=true`;

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
    target: { group: "", version: "v1", resource: "pods", namespace: "shop" },
    ...more,
  });
const exec = {
  ...{ uri: EXEC, verb: "create" },
  target: { version: "v1", group: "", resource: "pods", subresource: "exec", name: "web", namespace: "shop" },
};

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
      rules: [{ name: "exec", message: "to run a command" }],
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
  call(7, "request", "c", { uri: "/version\u001b[2J", verb: "get", target: undefined }),
  call(8, "response", "c", {
    ...{ uri: "/version\u001b[2J", verb: "get", target: undefined },
    code: 0,
    milliseconds: 1200,
    message: "the client left",
  }),
  life(9, "revoked", { message: "deleted by root", by: "root" }),
];
const SOMEBODY = record(11, { ...RECORDS[4]?.spec, session: "demo/bot-1" });
const ran = (args: string[], records = [...RECORDS, SOMEBODY], script: Script = {}) =>
  hoop(["replay", "bot-1", ...args], { records, ...script });

const pod = { group: "", version: "v1", resource: "pods", name: "web", namespace: "shop" };
const written = (name: number, operation: string, more: object, payload?: unknown) => ({
  ...record(name, {
    ...{ kind: "admission", agent: AGENT, session: OWN, operation, target: pod, answer: "allowed" },
    ...{ rules: [], dryRun: false, ...more },
  }),
  ...(payload === undefined ? {} : { payload }),
});
const held = (use: string) => ({ approval: { namespace: "shop", name: "delete-web-1", use } });
const image = ["spec", "containers", { name: "web" }, "image"];

describe("kubectl hoop replay", () => {
  it("tells what was asked, answered and decided, in order", async () => {
    const { stdout, code } = await ran([]);
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ {3,}/))).to.deep.equal([
      ["AT", "RECORD", "TOOK", "COMMAND", "WHAT", "ANSWER"],
      ["0:00.000", "0", "<none>", "<none>", "session begun", "until 2026-11-21T11:00:00Z"],
      ["0:01.000", "1", "34ms", "kubectl get", "list pods -n shop", "200"],
      ["0:04.000", "4", "<none>", "kubectl exec", "exec pods/web -n shop -t -- sh", "<none>"],
      [
        ...["0:05.000", "5", "<none>", "<none>", "exec pods/web -n shop"],
        "held (exec-web-1 waiting) by exec: to run a command",
      ],
      ["0:06.000", "6", "<none>", "<none>", "exec pods/web -n shop", "approved by bob after 1s: ok"],
      ["0:07.000", "7", "1.2s", "<none>", "get /version\\u{1b}[2J", "no answer: the client left"],
      ["0:09.000", "9", "<none>", "<none>", "session revoked by root", "deleted by root"],
    ]);
  });

  it("has the addresses as they came, and sizes, where that is asked for", async () => {
    const { stdout } = await ran(["-o", "wide"]);
    const cells = stdout.split("\n").map((line) => line.split(/ {3,}/));
    expect(cells[0]?.join(" ")).to.equal("AT RECORD TOOK BYTES COMMAND WHAT ANSWER ADDRESS");
    expect(cells[2]?.slice(3)).to.deep.equal([
      ...["512", "kubectl get", "list pods -n shop", "200", "GET /api/v1/namespaces/shop/pods?limit=500"],
    ]);
    expect(cells[3]?.at(-1)).to.equal(`GET ${EXEC}`);
  });

  it("says of what is to be deleted how, though that is in the body", async () => {
    const deletion = {
      ...call(1, "request", "a", { verb: "delete" }),
      payload: { body: { kind: "DeleteOptions", gracePeriodSeconds: 0 } },
    };
    const { stdout } = await ran([], [life(0, "begun"), deletion]);
    expect(stdout).to.contain("delete pods -n shop --grace-period=0");
  });

  it("says what a session is for, and what it waits for", async () => {
    const approval = { namespace: "shop", name: "create-session-1" };
    const asked = life(0, "asked", { by: "bot", reason: "release 42", approval });
    const { stdout } = await ran([], [asked, life(1, "begun", { reason: "release 42" })]);
    expect(stdout)
      .to.match(/ session asked by bot for: release 42 +waits for approval create-session-1\n/)
      .and.match(/ session begun for: release 42 +until 2026/);
  });

  it("says all of a command that is too long for its record", async () => {
    const long = `${NS_EXEC}?command=sh&command=-c&command=${"x".repeat(3000)}%3Brm`;
    const cut = call(1, "request", "a", { ...exec, uri: `${long.slice(0, 2000)}…`, shortened: true });
    expect((await ran([], [life(0, "begun"), cut])).stdout).to.match(/ -- sh -c 'x+…' … /);
    const beside = { ...cut, payload: { entry: { uri: long } } };
    expect((await ran([], [life(0, "begun"), beside])).stdout).to.match(/ -- sh -c 'x{3000};rm' /);
  });

  for (const width of [120, 80, 50])
    it(`fits a terminal of ${width} characters, and leaves nothing out`, async () => {
      const { stdout } = await ran([], RECORDS, { width, shown: true });
      for (const line of stdout.split("\n")) expect(line.length).to.be.at.most(width);
      const words = (text: string) => text.split(/\s+/).filter((word) => word !== "→" && word !== "<none>");
      expect(words(stdout)).to.deep.equal(words((await ran([], RECORDS)).stdout));
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
    expect(stdout).to.contain("approved by bob after 1s");
  });

  const refused = {
    ...call(5, "response", "b", { ...exec, code: 403 }),
    payload: { body: { kind: "Status", message: "not during the release" } },
  };
  const refusals = {
    "of a session that never was": [[], [], "no record of a session bot-1"],
    "of a command that was not run": [["--play"], RECORDS.slice(0, 3), "no command was run in a pod"],
    "of another record": [
      ["--play=1"],
      RECORDS,
      "record 1 is of no command in a pod. Name its record with --play=RECORD:\n  4  exec pods/web -n shop -t -- sh\n",
    ],
    "of another record, for other players": [
      ["--asciicast=1"],
      RECORDS,
      "record 1 is of no command in a pod. Name its record with --asciicast=RECORD:\n",
    ],
    "of what has no answer": [
      ["--play=4"],
      RECORDS,
      "nothing was recorded of it: no answer to it is recorded yet",
    ],
    "of what was refused": [
      ["--asciicast=4"],
      [...RECORDS.slice(0, 4), refused],
      "nothing was recorded of it: 403: not during the release",
    ],
    "of two records": [["--play=4", "--asciicast=5"], RECORDS, "--play=4 or --asciicast=5, not both"],
    "as JSON": [["--json", "--asciicast=4"], RECORDS, "not both"],
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
    expect((await ran(["--play=5"], PLAYED)).stdout, "by any record of it").to.equal("bold\nend\n");
    const chunks = [{ at: 1, direction: "out", channel: 1, text: "as text\n" }];
    const asText = [...RECORDS.slice(0, 4), { ...tape, payload: { chunks } }];
    expect((await ran(["--play"], asText)).stdout).to.equal("as text\n");
    const [header = "", ...lines] = (await ran(["--asciicast"], PLAYED)).stdout.trimEnd().split("\n");
    expect(JSON.parse(header)).to.include({ version: 2, width: 80, height: 24 });
    expect(lines).to.have.length(2);
  });

  it("writes one of several as an asciicast, by any record of it", async () => {
    const other = call(2, "request", "o", exec);
    const several = [RECORDS[0] ?? other, other, ...PLAYED.slice(1)];
    expect((await ran(["--asciicast"], several)).stderr).to.contain("which one? Name its record");
    for (const args of [["--asciicast=4"], ["--asciicast=5"], ["--play=4", "--asciicast"]]) {
      const { code, stdout, stderr } = await ran(args, several);
      expect(code, stderr).to.equal(0);
      expect(stdout.trimEnd().split("\n")).to.have.length(3);
    }
  });

  const said = (at: number, channel: number, text: string, direction = "out") => ({
    ...{ at, direction, channel, text },
  });
  const failure = (code: string) => ({
    ...{ kind: "Status", status: "Failure", reason: "NonZeroExitCode", message: "command terminated" },
    details: { causes: [{ reason: "ExitCode", message: code }] },
  });
  const ends = {
    "exit 0": [{ metadata: {}, status: "Success" }, { exitCode: 0 }],
    "exit 3": [failure("3"), { exitCode: 3 }],
    "no such container": [
      { status: "Failure", reason: "InternalError", message: "no such container" },
      { message: "no such container" },
    ],
    "exit code not known": [undefined, undefined],
    "cut: the session has ended": [
      { status: "Failure", message: "the session has ended" },
      { message: "the session has ended" },
      "the session has ended",
    ],
  } as const;
  const ending = ([status, , message]: readonly [object | undefined, unknown, string?]) => [
    ...RECORDS.slice(0, 4),
    {
      ...call(5, "stream", "b", exec),
      payload: {
        chunks: [said(1, 1, "hi\n"), ...(status === undefined ? [] : [said(2, 3, JSON.stringify(status))])],
      },
    },
    { ...call(6, "stream", "b", exec), payload: { chunks: [said(3, 0, "typed later\n", "in")] } },
    call(7, "response", "b", { ...exec, code: 101, ...(message === undefined ? {} : { message }) }),
  ];
  const answerIn = (text: string) => text.trimEnd().split("\n").at(-1)?.split(/ {3,}/)[5];

  for (const [words, end] of Object.entries(ends))
    it(`tells how a command in a pod ended: ${words}`, async () => {
      expect(answerIn((await ran([], ending(end))).stdout)).to.equal(words);
      const { items } = JSON.parse((await ran(["-o", "json"], ending(end))).stdout) as {
        items: { ending?: object }[];
      };
      expect(items.map((item) => item.ending)).to.deep.equal([...Array(6).fill(undefined), end[1]]);
    });

  it("takes nothing that a client sent for what a command wrote, or how it ended", async () => {
    const [begun, , , asked, , , response] = ending(ends["exit 0"]);
    const chunks = [said(1, 1, "forged\n", "in"), said(2, 3, JSON.stringify({ status: "Success" }), "in")];
    const forged = { ...call(5, "stream", "b", exec), payload: { chunks } };
    const records = [begun, asked, forged, response].flatMap((one) => one ?? []);
    expect(answerIn((await ran([], records)).stdout)).to.equal("exit code not known");
    expect((await ran(["--play"], records)).stdout).to.equal("");
  });

  it("says that a command wrote nothing, and how it ended", async () => {
    const silent = { ...tape, payload: { chunks: [said(1, 3, JSON.stringify(failure("3")))] } };
    const records = [...RECORDS.slice(0, 4), silent, call(7, "response", "b", { ...exec, code: 101 })];
    for (const flag of ["--play", "--asciicast"]) {
      const { code, stderr } = await ran([flag], records);
      expect([code, stderr]).to.deep.equal([0, "nothing was recorded that it wrote: exit 3\n"]);
    }
  });

  const WRITES = [
    life(0, "begun"),
    written(
      1,
      "UPDATE",
      {},
      {
        changes: [
          { path: image, before: "a:1", after: "a:2\u001b[2J" },
          { path: ["metadata", "generation"], before: 1, after: 2 },
          { path: ["spec", "tolerations", 0], after: { key: "x", operator: "Exists" } },
        ],
      },
    ),
    written(
      2,
      "CREATE",
      {},
      {
        object: { kind: "Pod", metadata: { name: "web", uid: "u", managedFields: [] } },
      },
    ),
    written(3, "DELETE", { answer: "held", ...held("waiting") }, { options: {} }),
    record(4, {
      ...{ kind: "approval", event: "decided", agent: AGENT, session: OWN, operation: "DELETE" },
      ...{ target: pod, phase: "Pending", approval: { namespace: "shop", name: "delete-web-1" } },
      decision: { user: "bob", verdict: "Approve" },
    }),
    written(5, "DELETE", held("spent"), {
      options: { kind: "DeleteOptions", propagationPolicy: "Orphan", dryRun: [] },
    }),
    written(
      6,
      "CREATE",
      {
        ...{ answer: "denied", rules: [{ name: "shop/images", message: "from elsewhere" }] },
      },
      "erased",
    ),
    {
      ...written(7, "UPDATE", { dryRun: true }, { changes: [] }),
      status: { outcome: { result: "refused" } },
    },
  ];
  const approvals = [
    approval({
      name: "delete-web-1",
      namespace: "shop",
      spec: { change: { diff: "-kind: Pod\n-name: web" } },
    }),
  ];
  const CHANGED = [
    "    @@ spec.containers[name=web].image @@",
    "    -a:1",
    '    +"a:2\\e[2J"',
    "    @@ spec.tolerations[0] @@",
    "    +key: x",
    "    +operator: Exists",
  ];

  it("tells under each write what it changes, as who approves it was shown it", async () => {
    const { stdout, code } = await ran([], WRITES, { approvals });
    expect(code).to.equal(0);
    const told = stdout
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((line) => (line.startsWith("    ") ? line : line.split(/ {3,}/).slice(4).join(": ")));
    expect(told).to.deep.equal([
      ...["update pods/web -n shop: allowed", ...CHANGED],
      ...["create pods/web -n shop: allowed", "    +kind: Pod", "    +metadata:", "    +  name: web"],
      ...["delete pods/web -n shop: held (delete-web-1 waiting)", "    -kind: Pod", "    -name: web"],
      "delete pods/web -n shop: approved by bob after 1s, and waits for more",
      "delete pods/web -n shop --cascade=orphan: allowed (delete-web-1 spent)",
      ...[
        "create pods/web -n shop: denied by shop/images: from elsewhere",
        "     # what it changes is erased",
      ],
      ...[
        "update pods/web -n shop (dry run): allowed, then refused by the API server",
        "     # nothing, or what is masked",
      ],
    ]);
  });

  it("colours changes on a terminal, and has them as data", async () => {
    const { stdout } = await ran([], WRITES, { approvals, color: true });
    expect(stdout).to.contain("    \u001b[31m-a:1\u001b[0m\n");
    expect((await ran(["--color=never"], WRITES, { approvals, color: true })).stdout).to.not.contain(
      "\u001b",
    );
    const { items } = JSON.parse((await ran(["--json"], WRITES, { approvals })).stdout) as {
      items: { diff?: string }[];
    };
    expect(items.map(({ diff }) => diff !== undefined)).to.deep.equal([
      false,
      true,
      true,
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(items[3]?.diff).to.equal("-kind: Pod\n-name: web");
  });

  it("tells a long change in part, unless all is asked for", async () => {
    const data = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`k${at}`, "v"]));
    const long = [life(0, "begun"), written(1, "CREATE", {}, { object: { data } })];
    expect((await ran([], long)).stdout).to.contain("\n    … 11 more lines: --bodies\n");
    expect((await ran(["--bodies"], long)).stdout).to.contain("\n    +  k39: v\n");
  });

  it("tells changes also to who may see no approvals", async () => {
    const answer: Script["answer"] = (args) =>
      args[2]?.includes("/approvals") === true
        ? failed("Error from server (Forbidden): approvals.hoop.dev is forbidden: no")
        : undefined;
    const { stdout, code } = await ran([], WRITES, { answer });
    expect(code).to.equal(0);
    expect(stdout).to.contain("    -a:1\n").and.not.contain("-kind: Pod");
  });

  it("tells why a call was refused, and to which ports of a pod there were connections", async () => {
    const forward = { target: { ...pod, subresource: "portforward" }, code: 101 };
    const status = { kind: "Status", message: "pods is forbidden: no" };
    const answered = (name: number, id: string, more: object, body: unknown) => [
      call(name, "request", id, more),
      { ...call(name + 1, "response", id, more), payload: { body } },
    ];
    const records = [
      life(0, "begun"),
      ...answered(1, "a", { code: 403 }, JSON.stringify(status)),
      ...answered(3, "b", { code: 403 }, status),
      ...answered(5, "c", forward, { in: {}, out: {}, connections: { 80: 2, 443: 1 } }),
      ...answered(7, "d", { code: 500 }, "{ not JSON"),
    ];
    const { stdout } = await ran([], records);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .slice(2)
        .map((line) => line.split(/ {3,}/)[5]),
    ).to.deep.equal([
      ...["403: pods is forbidden: no", "403: pods is forbidden: no"],
      ...["101: connections to port 80 (2), port 443 (1)", "500"],
    ]);
  });

  it("puts together what was shown in parts", async () => {
    const follow = { uri: "/api/v1/namespaces/shop/pods/web/log?follow=true" };
    const part = (name: number, body: string) => ({
      ...call(name, "stream", "l", follow),
      payload: { body },
    });
    const records = [
      ...[life(0, "begun"), call(1, "request", "l", follow), part(2, "one\ntw"), part(3, "o\n")],
      { ...call(4, "response", "l", { ...follow, code: 200 }), payload: { body: "three\n" } },
    ];
    const { stdout } = await ran(["--bodies"], records);
    expect(stdout.split("\n").slice(3, -1)).to.deep.equal(["    < one", "    < two", "    < three"]);
  });

  it("takes a session as it is named elsewhere, with its namespace", async () => {
    const { calls, code } = await hoop(["replay", "shop/bot-1"], { records: RECORDS });
    expect(code).to.equal(0);
    expect(calls[0]?.[2]).to.match(/\/namespaces\/shop\/records\?fieldSelector=spec\.session\.name%3Dbot-1$/);
    for (const wrong of ["shop/bot/1", "/bot-1", "shop/", "Shop/bot-1"])
      expect((await hoop(["replay", wrong])).stderr, wrong).to.contain("not the name of a session");
  });

  it("is proposed with its flags", async () => {
    expect(await completions(["replay", "bot-1", "--as"], {})).to.contain("--asciicast\t");
  });
});

describe("kubectl hoop watch", () => {
  const event = (object: object) => JSON.stringify({ type: "ADDED", object });

  const offered = [{ name: "records", verbs: ["list", "watch"] }];
  const answer: Script["answer"] = (args) =>
    args[2] === "/apis/hoop.dev/v1alpha1" ? json({ kind: "APIResourceList", resources: offered }) : undefined;

  it("shows what is written and read as it comes, and each change once", async () => {
    const part = (name: number, payload: object) => ({ ...call(name, "stream", "b", exec), payload });
    const change = { changes: [{ path: image, before: "a:1", after: "a:2" }] };
    const events = [
      part(1, { chunks: [{ at: 1, channel: 1, text: "a\u001b[2Jb\r\n" }] }),
      part(2, { body: '{"type":"ADDED"}\n{"type":"DELETED"}\n' }),
      part(3, { forwarded: [{ direction: "in", bytes: 5 }] }),
      part(4, { ports: [80, 443] }),
      written(5, "UPDATE", { answer: "held", ...held("waiting") }, change),
      written(6, "UPDATE", held("spent"), change),
      life(7, "ended"),
    ];
    const { stdout, code } = await hoop(["watch", "bot-1"], {
      ...{ records: RECORDS.slice(0, 1), watches: [events.map(event)], answer },
      onWatched: () => undefined,
    });
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split("\n").slice(2);
    expect(lines.map((line) => (line.startsWith("    ") ? line : line.split(/ {3,}/)[5]))).to.deep.equal([
      ...["    | ab", '    | {"type":"ADDED"}', '    | {"type":"DELETED"}', "    | to port 80, 443"],
      "held (delete-web-1 waiting)",
      ...["    @@ spec.containers[name=web].image @@", "    -a:1", "    +a:2"],
      ...["allowed (delete-web-1 spent)", "<none>"],
    ]);
  });

  it("says with its answer how a command ended, also as data", async () => {
    const status = JSON.stringify({
      status: "Failure",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
    const events = [
      call(1, "request", "b", exec),
      {
        ...call(2, "stream", "b", exec),
        payload: { chunks: [{ at: 1, direction: "out", channel: 3, text: status }] },
      },
      call(3, "response", "b", { ...exec, code: 101 }),
      life(4, "ended"),
    ];
    const watched = (...args: string[]) =>
      hoop(["watch", "bot-1", ...args], {
        ...{ records: RECORDS.slice(0, 1), watches: [events.map(event)], answer },
        onWatched: () => undefined,
      });
    expect((await watched()).stdout).to.match(/exec pods\/web -n shop -t -- sh +exit 3$/m);
    expect((await watched("-o", "json")).stdout).to.match(/"ending": \{\s+"exitCode": 3\s+\}/);
  });

  it("says with an answer all that was asked for, also where that was in the body", async () => {
    const deletion = (name: number, event: string, body: object, more: object = {}) => ({
      ...call(name, event, "a", { verb: "delete", ...more }),
      payload: { body },
    });
    const events = [
      deletion(1, "request", { dryRun: ["All"] }),
      deletion(2, "response", { kind: "Status" }, { code: 200 }),
      life(3, "ended"),
    ];
    const { stdout } = await hoop(["watch", "bot-1"], {
      ...{ records: RECORDS.slice(0, 1), watches: [events.map(event)], answer },
      onWatched: () => undefined,
    });
    expect(stdout.match(/delete pods -n shop \(dry run\)/g)).to.have.length(2);
  });

  it("takes a session with its namespace", async () => {
    const { calls, code } = await hoop(["watch", "shop/bot-1"], {
      ...{ records: RECORDS.slice(0, 1), watches: [[event(life(7, "ended"))]], answer },
      onWatched: () => undefined,
    });
    expect(code).to.equal(0);
    expect(calls.at(-1)?.[2]).to.contain("/namespaces/shop/records?watch=true");
  });

  it("shows what was, then what comes, and ends with the session", async () => {
    const watches = [RECORDS.slice(2).map(event)];
    const { stdout, code } = await hoop(["watch", "bot-1"], {
      ...{ records: RECORDS.slice(0, 3), watches, answer },
      onWatched: () => undefined,
    });
    expect(code).to.equal(0);
    const lines = stdout.trimEnd().split("\n").slice(1);
    expect(
      lines.map((line) => {
        const cells = line.split(/ {3,}/);
        return [cells[1], ...cells.slice(3)].join("|");
      }),
    ).to.deep.equal([
      "0|<none>|session begun|until 2026-11-21T11:00:00Z",
      "1|kubectl get|list pods -n shop|<none>",
      "3|<none>|list pods -n shop|200",
      "4|kubectl exec|exec pods/web -n shop -t -- sh|<none>",
      "5|<none>|exec pods/web -n shop|held (exec-web-1 waiting) by exec: to run a command",
      "6|<none>|exec pods/web -n shop|approved by bob after 1s: ok",
      "7|<none>|get /version\\u{1b}[2J|<none>",
      "8|<none>|get /version\\u{1b}[2J|no answer: the client left",
      "9|<none>|session revoked by root|deleted by root",
    ]);
  });
});
