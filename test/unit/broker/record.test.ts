/** What of a body lies in the ledger. */
import { expect } from "chai";
import { recordOf } from "#apiserver-ext/broker/record/record.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { knownValues } from "#core/mask/values.ts";
import { parseRequestInfo } from "#kit/request-info.ts";
import { type Bed, startBed } from "./bed.ts";

const PATH = "/api/v1/namespaces/demo/configmaps";
const CREATE = { method: "POST", target: PATH, verb: "create", info: parseRequestInfo("POST", PATH) };

describe("the record of what a session sends", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const BODIES: readonly [string, Buffer, unknown][] = [
    [
      "has objects, masked",
      Buffer.from('{"kind":"ConfigMap","data":{"password":"hunter22hunter22"}}'),
      { kind: "ConfigMap", data: { password: "[masked: value]" } },
    ],
    [
      "has nothing of protobuf, where a value stands without its name",
      Buffer.from("k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x1d\n\x08password\x12\x10hunter22hunter22"),
      "[not kept: no text]",
    ],
    ["has nothing of CBOR", Buffer.from([0xd9, 0xd9, 0xf7, 0xa1, 0x61, 0x61]), "[not kept: no text]"],
  ];
  for (const [title, sent, kept] of BODIES)
    it(title, async () => {
      const caller = { username: "ann", uid: "", groups: [], extra: new Map() };
      const keep = { requestBytes: 1000, responseBytes: 1000 };
      const record = recordOf(bed.broker, bed.session, CREATE, { headers: [], caller }, keep);
      record.sent({ body: sent, known: knownValues([]), knownValues: 0 });
      await record.request();
      const payload = await bed.broker.store.payload(0);
      if (!(payload instanceof Uint8Array)) throw new Error("there is no payload");
      const text = unsealPayload(payload);
      if (!(text instanceof Uint8Array)) throw new Error("it cannot be read");
      expect(JSON.parse(Buffer.from(text).toString())).to.deep.equal({ body: kept });
    });
});
