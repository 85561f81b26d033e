/** What one agent may take for itself, so that others still have theirs: by many sessions, long words, and what never ends. */
import { expect } from "chai";
import { FrameReader } from "#apiserver-ext/broker/connection/frames.ts";
import { ToldAgain } from "#apiserver-ext/broker/connection/refused-before.ts";
import { LiveSessions } from "#core/session/live.ts";
import { sessionKey } from "#core/session/rows.ts";
import { ManualClock } from "../../support/clock.ts";
import { until } from "../../support/installation.ts";
import { type Bed, startBed } from "./bed.ts";

const SESSIONS = "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions";
const MAPS = "/api/v1/namespaces/demo/configmaps";

describe("what an agent sends", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const asked = (method: string, path: string, body: string, user = "ann") => {
    const head = [
      `${method} ${path} HTTP/1.1`,
      ...["Host: x", `User: ${user}`, `Content-Length: ${body.length}`, "Connection: close"],
      `Content-Type: application/${method === "PATCH" ? "merge-patch+" : ""}json`,
    ];
    return `${head.join("\r\n")}\r\n\r\n${body}`;
  };
  const another = async (name: string, username: string) => {
    const { session } = bed;
    const status = { ...session.status, subject: { ...session.status.subject, username } };
    const metadata = { ...session.metadata, name, uid: `uid-${name}` };
    const value = JSON.stringify({ ...session, metadata, status });
    await bed.broker.store.commit({ puts: [{ key: sessionKey("ns-1", name), value }] });
    return `${SESSIONS}/${name}/proxy`;
  };

  describe("beside what a session is", () => {
    const long = { annotations: { a: "x".repeat(17 * 1024) } };
    const refusal = /^HTTP\/1.1 422 .*Too long: may not be more than 16384 bytes/s;

    it("is little when it begins", async () => {
      const session = {
        ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session" },
        ...{ metadata: { ...long, name: "long" }, spec: { profile: "ci" } },
      };
      const answer = await bed.answerTo(asked("POST", SESSIONS, JSON.stringify(session)));
      expect(answer).to.match(refusal);
    });

    it("and later on", async () => {
      const patch = JSON.stringify({ metadata: long });
      expect(await bed.answerTo(asked("PATCH", `${SESSIONS}/task`, patch))).to.match(refusal);
    });
  });

  it("waits in no more memory for having more sessions, and others have theirs", async () => {
    const [own, other] = [await another("own", "ann"), await another("other", "bob")];
    const map = JSON.stringify({ kind: "ConfigMap", data: { a: "x".repeat(3_000_000) } });
    bed.behind.answer = () => {};
    const waiting = Array.from({ length: 11 }, () => bed.raw(asked("POST", `${bed.path}${MAPS}`, map)));
    await until("as much as may waits", async () => bed.arrived.length === 11);
    expect(await bed.answerTo(asked("POST", `${own}${MAPS}`, map))).to.match(
      /^HTTP\/1.1 429 .*too much is sent/s,
    );
    const bobs = bed.raw(asked("POST", `${other}${MAPS}`, map, "bob"));
    await until("another's is passed on", async () => bed.arrived.length === 12);
    for (const socket of [...waiting, bobs]) socket.destroy();
  });

  it("is shown no more than has room in events of watches that it does not read, and told so", async () => {
    const map = { kind: "ConfigMap", metadata: { name: "big" }, data: { a: "x".repeat(30 * 1024 * 1024) } };
    const event = `${JSON.stringify({ type: "ADDED", object: map })}\n`;
    bed.behind.answer = (_request, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.write(event);
    };
    const watch = `${bed.path}${MAPS}?watch=1`;
    const unread = [0, 1].map(() => {
      const socket = bed.raw(asked("GET", watch, ""));
      let read = 0;
      return socket.on("data", (bytes) => {
        read += bytes.length;
        // Of the event, and not only the header lines.
        if (read > 10_000) socket.pause();
      });
    });
    await until("two are shown theirs", async () => unread.every((socket) => socket.isPaused()));
    expect(await bed.answerTo(asked("GET", watch, ""))).to.match(/"type":"ERROR".*too much is read/);
    for (const socket of unread) socket.destroy();
    await until("there is room again", async () => {
      const socket = bed.raw(asked("GET", watch, ""));
      const first = await new Promise<string>((resolve) => {
        let text = "";
        socket.on("data", (bytes) => {
          text += bytes.toString();
          if (text.includes("ADDED") || text.includes("ERROR")) resolve(text);
        });
      });
      socket.destroy();
      return first.includes("ADDED");
    });
  });
});

describe("the places of an agent", () => {
  const fill = (live: LiveSessions, agent: string, sessions: number, use: "call" | "stream") =>
    Array.from({ length: sessions }, (_, at) =>
      Array.from({ length: 100 }, () => live.enter(`${agent}${at}`, use, 1000, agent)),
    )
      .flat()
      .flatMap((one) => (one.kind === "entered" ? [one] : []));

  for (const [use, most] of [
    ["call", 125],
    ["stream", 750],
  ] as const)
    it(`are half of all at most, however many sessions it has: ${use}s`, () => {
      const live = new LiveSessions(() => 0);
      const anns = fill(live, "ann", 10, use);
      expect(anns).to.have.length(most);
      expect(live.enter("ann0", use, 1000, "ann"))
        .to.have.property("why")
        .that.matches(/too many/);
      const bobs = live.enter("bob0", use, 1000, "bob");
      expect(bobs.kind).to.equal("entered");
      for (const place of anns) place.leave();
      expect(fill(live, "ann", 10, use)).to.have.length(most);
    });

  it("are half of all for what waits for people, too: the rest keeps its place among calls", () => {
    const live = new LiveSessions(() => 0);
    const waits = () => {
      const more = Array.from({ length: 16 }, (_, at) => live.enter(`ann${at}`, "call", 1000, "ann"));
      for (const one of more) if (one.kind === "entered") one.wait();
      return more.filter(({ kind }) => kind === "entered").length;
    };
    let waiting = 0;
    for (let round = 0; round < 60; round++) waiting += waits();
    expect(waiting).to.equal(750 + 125);
  });
});

describe("what is remembered of a refusal", () => {
  it("is short, whatever was asked for and answered", () => {
    const told = new ToldAgain(() => new ManualClock().now());
    const about = (last: string) => `${"x".repeat(100_000)}${last}`;
    told.remember(about("a"), { reason: "Forbidden", message: "y".repeat(100_000) });
    expect(told.take(about("b"))).to.equal(undefined);
    expect(told.take(about("a"))?.message).to.equal("y".repeat(4096));
  });
});

describe("a frame that comes byte by byte", () => {
  it("is read as if it came in one", () => {
    const payload = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 251));
    const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    const reader = new FrameReader();
    const frames = [...Buffer.concat([head, payload])].flatMap((byte) => reader.push(Buffer.of(byte)));
    expect(frames.map((frame) => frame.payload.equals(payload))).to.deep.equal([true]);
  });
});
