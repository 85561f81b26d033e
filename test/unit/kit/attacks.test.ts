/** Requests that once did harm: by what they cost, or by what they told. */
import type { IncomingMessage } from "node:http";
import { expect } from "chai";
import { delegatedAuthentication } from "#kit/authn.ts";
import { InFlight, LIMITS, withDeadline } from "#kit/limits.ts";
import { parseRequestInfo } from "#kit/request-info.ts";
import { StatusError } from "#kit/status.ts";
import { memoryStore } from "#store/memory.ts";
import { GIZMOS, gizmo, gizmos, MERGE, made } from "./gizmo.ts";
import { ROOT, startToy, type Toy } from "./toy.ts";

describe("what once did harm", () => {
  let toy: Toy;
  beforeEach(async () => {
    const store = memoryStore();
    toy = await startToy(store, [gizmos(store)]);
  });
  afterEach(() => toy.close());

  const ADMIN = { user: "admin" };
  const BOB = { user: "bob" };

  it("a thousand controllers are refused in few words", async () => {
    const owner = { apiVersion: "v1", kind: "Pod", name: "p", controller: true };
    const ownerReferences = Array.from({ length: 1000 }, (_, n) => ({ ...owner, uid: `u${n}` }));
    const body = gizmo("a", {}, { ownerReferences });
    const { status, text, json } = await toy.call(GIZMOS, { method: "POST", headers: ADMIN, body });
    expect(status).to.equal(422);
    expect(text.length).to.be.below(1_000_000);
    expect(json.details.causes.at(-1).message).to.match(/and \d+ more$/);
  });

  it("200,000 fields that nobody knows are left out, or refused, and no error of ours", async () => {
    const odd = Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`x${n}`, 1]));
    const body = { ...gizmo("a"), ...odd };
    for (const [validation, code] of [
      ["Ignore", 201],
      ["Strict", 400],
    ] as const) {
      const path = `${GIZMOS}?fieldValidation=${validation}`;
      expect((await toy.call(path, { method: "POST", headers: ADMIN, body })).status).to.equal(code);
    }
    const polish = { ...odd, metadata: { name: "one" } };
    await toy.put("a", "one");
    const path = `${ROOT}/namespaces/a/widgets/one/polish?fieldValidation=Ignore`;
    expect((await toy.call(path, { method: "PUT", headers: ADMIN, body: polish })).status).to.equal(200);
    expect(toy.logged).to.deep.equal([]);
  });

  it("tokens that somebody makes up are only so many reviews", async () => {
    let asked = 0;
    const authenticate = delegatedAuthentication({
      config: () => undefined,
      tokenReview: () => {
        asked += 1;
        return new Promise(() => {});
      },
    });
    const withToken = (token: string) =>
      ({ rawHeaders: ["Authorization", `Bearer ${token}`], socket: {} }) as unknown as IncomingMessage;
    const answers = Array.from({ length: 500 }, (_, n) => authenticate(withToken(`t${n}`)));
    const refused = await Promise.race(answers).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(StatusError).with.property("reason", "TooManyRequests");
    expect(asked).to.be.within(1, 20);
    for (const answer of answers) answer.catch(() => {});
  });

  it("whom the API server lets in without a credential is not taken for one who has some", async () => {
    const authenticate = delegatedAuthentication({
      config: () => undefined,
      tokenReview: async () => ({
        authenticated: true,
        user: {
          username: "system:anonymous",
          uid: "",
          groups: ["system:unauthenticated"],
          extra: new Map(),
        },
      }),
    });
    const request = { rawHeaders: ["Authorization", "Bearer t"], socket: {} } as unknown as IncomingMessage;
    expect(await authenticate(request))
      .to.have.nested.property("caller.groups")
      .deep.equal(["system:unauthenticated"]);
  });

  it("work that never ends gives its place back when its time is over", async () => {
    const inFlight = new InFlight({ ...LIMITS, reading: 1 });
    const info = parseRequestInfo("GET", `${ROOT}/namespaces/a/widgets`);
    const hung = () => new Promise<never>(() => {});
    const answer = withDeadline(1, new AbortController(), (late) =>
      inFlight.during(info, false, () => Promise.race([hung(), late])),
    );
    const error = await answer.catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(StatusError).with.property("reason", "Timeout");
    expect(inFlight.reading).to.equal(0);
  });

  it("a page says nothing of what its reader may not see", async () => {
    const make = (name: string, owner: string) =>
      toy.call(GIZMOS, { method: "POST", headers: ADMIN, body: gizmo(name, { owner }) });
    await make("a", "bob");
    await make("b", "alice");
    const first = async () => (await toy.call(`${GIZMOS}?limit=1`, { headers: BOB })).json;
    expect(await first())
      .to.have.property("items")
      .with.length(1);
    expect((await first()).metadata.continue).to.be.oneOf(["", undefined]);
    await make("c", "bob");
    const { metadata } = await first();
    expect(metadata).to.not.have.property("remainingItemCount");
    const next = await toy.call(`${GIZMOS}?limit=1&continue=${metadata.continue}`, { headers: BOB });
    expect(next.json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).to.deep.equal([
      "c",
    ]);
    expect(next.json.metadata.continue).to.be.oneOf(["", undefined]);
  });

  it("a masked value cannot be guessed: right and wrong look alike", async () => {
    await made(toy, "a", { pin: "4711" });
    const guess = async (pin: string) => {
      const path = `${GIZMOS}/a?dryRun=All`;
      const { json } = await toy.call(path, {
        method: "PATCH",
        headers: { ...BOB, ...MERGE },
        body: { spec: { pin } },
      });
      return json.metadata.generation;
    };
    expect(await guess("0000")).to.equal(2);
    expect(await guess("4711")).to.equal(2);
    expect(await guess("***")).to.equal(1);
  });

  it("nothing lies below an object that its caller may not see", async () => {
    await toy.put("a", "hidden", { labels: { secret: "yes" } });
    const path = `${ROOT}/namespaces/a/widgets/hidden/polish`;
    expect((await toy.call(path, { headers: ADMIN })).status).to.equal(200);
    expect((await toy.call(path, { headers: { user: "guest" } })).status).to.equal(404);
  });

  it("a version that no store can have is too large, not an error of ours", async () => {
    const query = "resourceVersion=9007199254740993&resourceVersionMatch=Exact";
    expect((await toy.call(`${GIZMOS}?${query}`, { headers: ADMIN })).status).to.equal(504);
    expect(toy.logged).to.deep.equal([]);
  });
});
