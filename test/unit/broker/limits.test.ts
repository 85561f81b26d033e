/** How much may be asked through sessions: of one, of all, at once, and of values that are guessed. */
import { expect } from "chai";
import { Guesses } from "#apiserver-ext/broker/request/guesses.ts";
import { Room } from "#apiserver-ext/broker/room.ts";
import { secretIn } from "#apiserver-ext/broker/secrets/protobuf.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { knownValues } from "#core/mask/values.ts";
import { LiveSessions } from "#core/session/live.ts";
import { ManualClock } from "../../support/clock.ts";
import { type Bed, EMPTY, json, startBed } from "./bed.ts";

const MAPS = "/api/v1/namespaces/demo/configmaps";

const MIB = 1024 * 1024;

describe("what one agent may send of Secrets' values", () => {
  const clock = new ManualClock();
  const values = (from: number, count = 1) => new Set(Array.from({ length: count }, (_, at) => from + at));

  it("is ten, and one more each half a minute", () => {
    const guesses = new Guesses(() => clock.now());
    for (let value = 1; value <= 10; value++) expect(guesses.count("a", values(value))).to.equal(0);
    expect(guesses.count("a", values(11))).to.equal(30);
    clock.advance(29_000);
    expect(guesses.count("a", values(11))).to.equal(1);
    clock.advance(1_000);
    expect(guesses.count("a", values(11))).to.equal(0);
    expect(guesses.count("a", values(12))).to.equal(30);
  });

  it("counts none twice, none of others, and nothing where there is none", () => {
    const guesses = new Guesses(() => clock.now());
    expect(guesses.count("a", values(1, 10))).to.equal(0);
    expect(guesses.count("a", values(1, 10))).to.equal(0);
    expect(guesses.count("a", new Set())).to.equal(0);
    expect(guesses.count("b", values(20, 10))).to.equal(0);
    expect(guesses.count("a", values(20))).to.be.above(0);
  });

  it("lets through more than ten at once, and then nothing for a while", () => {
    const guesses = new Guesses(() => clock.now());
    expect(guesses.count("a", values(1, 50))).to.equal(0);
    expect(guesses.count("a", values(100))).to.be.above(0);
  });
});

describe("the room for answers", () => {
  it("is shared by all, and given back", () => {
    const room = new Room("read");
    const [one, other, third] = ["ann", "bob", "cleo"].map((agent) => room.share(agent));
    one?.take(64 * MIB);
    expect(() => room.share("ann").take(1)).to.throw("too much is read");
    other?.take(40 * MIB);
    expect(() => third?.take(25 * MIB)).to.throw("too much is read");
    third?.take(24 * MIB);
    expect(() => other?.take(1)).to.throw("too much is read");
    other?.give(MIB);
    third?.take(MIB);
    one?.leave();
    one?.leave();
    expect(() => one?.take(1)).to.throw("too much is read");
    room.share("ann").take(64 * MIB);
    expect(() => third?.take(1)).to.throw("too much is read");
  });
});

describe("the places of sessions", () => {
  const entered = (live: LiveSessions, uid: string, use: "call" | "stream") => {
    const place = live.enter(uid, use, 1000);
    if (place.kind !== "entered") throw new Error(place.why);
    return place;
  };
  const isFull = (live: LiveSessions, uid: string, use: "call" | "stream") =>
    live.enter(uid, use, 1000).kind === "too-many";

  it("of calls are not taken by those that wait for people", () => {
    const live = new LiveSessions(() => 0);
    const calls = Array.from({ length: 50 }, () => entered(live, "a", "call"));
    expect(isFull(live, "a", "call")).to.equal(true);
    const [first] = calls;
    first?.wait();
    const next = entered(live, "a", "call");
    expect(isFull(live, "a", "call")).to.equal(true);
    first?.resume();
    first?.leave();
    first?.leave();
    next.leave();
    entered(live, "a", "call");
    expect(isFull(live, "a", "call")).to.equal(true);
  });

  it("are so many in all sessions, too, and free again when these end", () => {
    const live = new LiveSessions(() => 0);
    const places = Array.from({ length: 15 }, (_, at) =>
      Array.from({ length: 100 }, () => entered(live, `s${at}`, "stream")),
    ).flat();
    expect(isFull(live, "another", "stream")).to.equal(true);
    expect(isFull(live, "another", "call")).to.equal(false);
    for (let at = 0; at < 15; at++) live.end(`s${at}`);
    for (const place of places) place.leave();
    expect(isFull(live, "another", "stream")).to.equal(false);
  });
});

describe("the sessions of an agent", () => {
  it("are no more than its profile allows, though it asks for many at the same moment", async () => {
    const bed = await startBed();
    const body = JSON.stringify({
      ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session", metadata: { generateName: "more-" } },
      spec: { profile: "ci" },
    });
    const head = [
      "POST /apis/hoop.dev/v1alpha1/namespaces/demo/sessions HTTP/1.1",
      ...["Host: x", "User: ann", "Content-Type: application/json", `Content-Length: ${body.length}`],
      "Connection: close",
    ];
    const asked = Array.from({ length: 6 }, () => bed.answerTo(`${head.join("\r\n")}\r\n\r\n${body}`));
    const codes = (await Promise.all(asked)).map((answer) => answer.slice("HTTP/1.1 ".length).slice(0, 3));
    // It has one already, and may have two.
    expect(codes.toSorted()).to.deep.equal(["201", "403", "403", "403", "403", "403"]);
    await bed.close();
  });
});

describe("a request through a session", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed({ keep: { requestBytes: 100, responseBytes: 50 } });
  });
  afterEach(() => bed.close());

  async function sent(body: string, type = "application/json", method = "POST", below = MAPS) {
    const head = [
      `${method} ${bed.path}${below} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: close"],
      ...[`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`],
    ];
    return bed.answerTo(`${head.join("\r\n")}\r\n\r\n${body}`);
  }

  it("with values of Secrets is recorded as that, and at last has to wait", async () => {
    const secrets = Array.from({ length: 12 }, (_, at) => `secret-value-${at + 10}`);
    bed.broker.known.of = async () => knownValues(secrets.map((value) => Buffer.from(value)));
    for (const [at, secret] of secrets.entries()) {
      const answer = await sent(JSON.stringify({ kind: "ConfigMap", data: { a: secret } }));
      expect(answer.slice(0, 12)).to.equal(at < 10 ? "HTTP/1.1 200" : "HTTP/1.1 429");
      if (at >= 10) expect(answer).to.match(/retry-after: \d+/i);
    }
    expect(bed.arrived).to.have.length(10);
    const requests = (await bed.entries()).filter((entry) => "event" in entry && entry.event === "request");
    expect(requests.map((entry) => "knownValues" in entry && entry.knownValues)).to.deep.equal(
      secrets.map(() => 1),
    );
    expect(JSON.stringify(await payloads())).to.not.contain("secret-value");
  });

  it("that is too large is refused before it is read", async () => {
    const head = [
      `POST ${bed.path}${MAPS} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: close", `Content-Length: ${3 * 1024 * 1024 + 1}`],
    ];
    expect(await bed.answerTo(`${head.join("\r\n")}\r\n\r\n`)).to.match(/^HTTP\/1\.1 413 /);
    expect(bed.arrived).to.deep.equal([]);
  });

  it("and its answer are kept as far as the profile says, and hashed as a whole", async () => {
    const long = "x".repeat(300);
    bed.behind.answer = (_request, response) => json(response, { ...EMPTY, note: long });
    expect(await sent(JSON.stringify({ kind: "ConfigMap", data: { a: long } }))).to.contain(long);
    const [asked, answered] = await bed.entries();
    expect(asked).to.include({ truncated: true, bytes: 336 });
    expect(answered).to.include({ truncated: true, code: 200 });
    const [request, response] = (await payloads()) as { body: string }[];
    expect(Buffer.byteLength(request?.body ?? "")).to.be.within(90, 110);
    expect(Buffer.byteLength(response?.body ?? "")).to.be.within(40, 60);
  });

  it("that is refused is recorded as that", async () => {
    await sent("{}", "application/json", "POST", "/api/v1/namespaces/work/serviceaccounts/bot/token");
    await bed.call(`${bed.path}/api/v1/namespaces/demo/pods/x/proxy/metrics`);
    const said = (await bed.entries()).map((entry) =>
      "event" in entry && "code" in entry ? [entry.event, entry.code] : ["request"],
    );
    expect(said).to.deep.equal([["request"], ["response", 403], ["request"], ["response", 403]]);
    expect(bed.arrived).to.deep.equal([]);
  });

  it("is not shown what cannot be recorded", async () => {
    bed.behind.answer = (_request, response) => {
      bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
      json(response, { ...EMPTY, note: "shown" });
    };
    const { status, text } = await bed.call(`${bed.path}${MAPS}/one`);
    expect(status).to.equal(500);
    expect(text).to.contain("cannot be recorded").and.not.contain('shown"');
  });

  async function payloads(): Promise<unknown[]> {
    const found = (await bed.entries()).map(async (_, index) => {
      const payload = await bed.broker.store.payload(index);
      const text = payload instanceof Uint8Array ? unsealPayload(payload) : undefined;
      return text instanceof Uint8Array ? [JSON.parse(Buffer.from(text).toString())] : [];
    });
    return (await Promise.all(found)).flat();
  }
});

describe("a Secret in protobuf", () => {
  const field = (number: number, bytes: Buffer | string) => {
    const value = Buffer.from(bytes);
    return Buffer.concat([Buffer.of((number << 3) | 2, value.length), value]);
  };
  const entry = (key: string, value: string) => Buffer.concat([field(1, key), field(2, value)]);
  const metadata = Buffer.concat([
    ...[field(1, "web"), field(3, "demo"), field(8, "")],
    ...[field(11, entry("owner", "helm")), field(11, entry("name", "web")), field(14, "a"), field(14, "b")],
  ]);
  const secret = Buffer.concat([
    ...[field(1, metadata), field(2, entry("release", "\x00bytes")), field(3, "helm.sh/release.v1")],
    Buffer.of(5 << 3, 1),
  ]);
  const type = (kind: string) => Buffer.concat([field(1, "v1"), field(2, kind)]);
  const envelope = (raw: Buffer, kind = "Secret") =>
    Buffer.concat([Buffer.from("k8s\0"), field(1, type(kind)), field(2, raw), field(3, ""), field(4, "")]);

  it("is read as it would stand in JSON", () => {
    expect(secretIn(envelope(secret))).to.deep.equal({
      ...{ apiVersion: "v1", kind: "Secret", type: "helm.sh/release.v1", immutable: true },
      metadata: {
        ...{ name: "web", namespace: "demo", labels: { owner: "helm", name: "web" } },
        finalizers: ["a", "b"],
      },
      data: { release: Buffer.from("\x00bytes").toString("base64") },
    });
  });

  const BAD: Readonly<Record<string, Buffer>> = {
    "another kind": envelope(secret, "ConfigMap"),
    "a field that nobody knows": envelope(Buffer.concat([secret, field(9, "x")])),
    "no envelope": secret,
    "what is cut off": envelope(secret).subarray(0, 60),
    "a group, as of long ago": envelope(Buffer.of(0x0b)),
    "a number without end": envelope(Buffer.alloc(12, 0xff)),
  };
  for (const [what, body] of Object.entries(BAD))
    it(`is refused: ${what}`, () => {
      expect(() => secretIn(body)).to.throw(/protobuf/);
    });
});
