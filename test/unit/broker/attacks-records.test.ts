/** What an agent does to have its record say less, or something else, than what it asked for; and to have what is known forgotten. */
import { expect } from "chai";
import { KnownSecrets } from "#apiserver-ext/broker/mask/known.ts";
import { recordOf } from "#apiserver-ext/broker/record/record.ts";
import type { JsonObject } from "#core/admission.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { knownValues, withoutValues } from "#core/mask/values.ts";
import type { SecretsBackend } from "#core/secrets/backend.ts";
import { parseRequestInfo } from "#kit/request-info.ts";
import { type Bed, startBed } from "./bed.ts";

const PODS = "/api/v1/namespaces/demo/pods";

describe("the record of a request", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const recorded = async (method: string, target: string, headers: [string, string][], body?: string) => {
    const info = parseRequestInfo(method, target);
    const caller = { username: "ann", uid: "", groups: [], extra: new Map() };
    const keep = { requestBytes: 1000, responseBytes: 1000 };
    const asked = { method, target, verb: info.verb, info };
    const record = recordOf(bed.broker, bed.session, asked, { headers, caller }, keep);
    const sent = body === undefined ? undefined : Buffer.from(body);
    record.sent({ body: sent, known: knownValues([]), knownValues: 0 });
    await record.request();
    const [entry] = await bed.entries();
    const payload = await bed.broker.store.payload(0);
    const text = payload instanceof Uint8Array ? unsealPayload(payload) : undefined;
    const beside = text instanceof Uint8Array ? JSON.parse(Buffer.from(text).toString()) : {};
    return { entry: entry as Entry & { uri?: string }, beside: beside as JsonObject };
  };

  it("has all of a command, however much else is sent with it to make the entry too long", async () => {
    const command = `${"command=echo&".repeat(300)}command=rm`;
    const headers: [string, string][] = [
      ["user-agent", "u".repeat(30_000)],
      ["kubectl-command", '"'.repeat(30_000)],
    ];
    const { entry, beside } = await recorded("GET", `${PODS}/web/exec?${command}`, headers);
    expect(entry).to.have.property("shortened", true);
    expect(entry.uri).to.not.contain("rm");
    expect(beside["entry"]).to.have.property("uri", `${PODS}/web/exec?${command}`);
  });

  it("has both where a member comes twice, as a map takes both", async () => {
    const body = '{"kind":"ConfigMap","data":{"a":"1"},"data":{"b":"2"}}';
    const { beside } = await recorded("POST", "/api/v1/namespaces/demo/configmaps", [], body);
    expect(beside).to.deep.equal({ body });
  });

  it("has none of them unmasked where it is text for that", async () => {
    const body = '{"kind":"ConfigMap","data":{"password":"hunter22hunter22"},"data":{"b":"2"}}';
    const { beside } = await recorded("POST", "/api/v1/namespaces/demo/configmaps", [], body);
    expect(JSON.stringify(beside)).to.contain("[masked: ").and.not.contain("hunter22hunter22");
  });
});

describe("a call that comes as its session ends", () => {
  it("is told so, and keeps no place", async () => {
    const bed = await startBed();
    const { clock, live } = bed.broker;
    const { session } = bed;
    const end = Date.parse(session.status.expiresAt);
    const before = clock.now();
    let looks = 0;
    // It is looked up while the session lasts, and goes on when it does not.
    bed.broker.clock.now = () => (looks++ === 0 ? before : end);
    for (let calls = 0; calls < 3; calls++) {
      looks = 0;
      const { status } = await bed.call(`${bed.path}${PODS}`, { user: "ann" });
      expect([status, looks > 1]).to.deep.equal([403, true]);
    }
    // What runs in a session is use of it, at any time.
    bed.broker.clock.now = () => end + 1000;
    expect(live.lastUsed(session.metadata.uid, 0)).to.be.at.most(end);
    await bed.close();
  });
});

describe("values that have gone", () => {
  it("are masked on, however many other namespaces are asked for meanwhile", async () => {
    let password = "old-password";
    const secrets = () => [
      {
        secret: {
          metadata: { name: "db", namespace: "demo", uid: "db", resourceVersion: password },
          data: { password: Buffer.from(password).toString("base64") },
        },
        keys: 1,
      },
    ];
    const backend = {
      list: async (namespace: string) => ({
        resourceVersion: "1",
        items: (async function* () {
          if (namespace === "demo") yield secrets();
        })(),
      }),
      async *watch() {},
    };
    const known = new KnownSecrets(backend as unknown as SecretsBackend, () => 0);
    await known.of("demo", false);
    password = "new-password";
    for (let other = 0; other < 150; other++) await known.of(`made-up-${other}`, false);
    const now = await known.of("demo", true);
    expect(withoutValues(now, "old-password new-password")).to.not.contain("password");
  });
});
