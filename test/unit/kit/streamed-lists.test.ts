/** Lists whose items come from elsewhere, in parts. */
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import { type ClientHttp2Stream, connect, createServer as createServer2 } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import type { AnyResource, KubeObject, ListRequest } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { memoryStore } from "#store/memory.ts";
import { GIZMOS, gizmo, gizmos } from "./gizmo.ts";
import { startToy, type Toy } from "./toy.ts";

interface Source {
  /** How many parts were asked for, and whether whoever reads them has left. */
  taken: number;
  left: boolean;
  asked: ListRequest<KubeObject>[];
  /** After so many items it throws this. */
  fault?: { after: number; error: Error };
  /** How many items there are, of so many characters each. */
  count: number;
  size: number;
  /** Gives everything at once, as other storages do. */
  whole: boolean;
}

function item(index: number, size: number): KubeObject {
  return {
    ...gizmo(
      `g${index}`,
      { free: "é".repeat(size) },
      { namespace: "a", uid: `u${index}`, labels: { of: "a" } },
    ),
    metadata: {
      ...{ name: `g${index}`, namespace: "a", uid: `u${index}`, resourceVersion: `${index + 1}` },
      ...{ creationTimestamp: "2026-01-01T00:00:00Z", labels: { index: String(index) } },
    },
  };
}

/** Each part has three items; one of seven is nobody's to see. */
function streamed(source: Source): AnyResource {
  const definition = gizmos(memoryStore());
  const { storage } = definition;
  const items = () => Array.from({ length: source.count }, (_, index) => item(index, source.size));
  async function* parts(): AsyncGenerator<KubeObject[]> {
    try {
      for (let from = 0; from < source.count; from += 3) {
        const { fault } = source;
        if (fault !== undefined && from >= fault.after) throw fault.error;
        source.taken++;
        yield Array.from({ length: Math.min(3, source.count - from) }, (_, at) =>
          item(from + at, source.size),
        );
      }
    } finally {
      source.left = true;
    }
  }
  return {
    ...definition,
    visible:
      () =>
      ({ metadata }) =>
        Number(metadata.labels?.["index"]) % 7 !== 0,
    columns: [
      {
        name: "Size",
        type: "integer",
        description: "How big.",
        cell: ({ metadata }) => metadata.name.length,
      },
    ],
    storage: {
      get: storage.get.bind(storage),
      watch: storage.watch.bind(storage),
      async list(request) {
        source.asked.push(request);
        const place = { resourceVersion: "99", continue: "next", remainingItemCount: 5 };
        return source.whole ? { ...place, items: items() } : { ...place, items: parts() };
      },
    },
  };
}

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
const FORMS: Readonly<Record<string, [accept: string, detail: string, path?: string]>> = {
  "as objects": ["application/json", "whole"],
  "as a Table": [TABLE, "summary"],
  "as a Table with its objects": [TABLE, "whole", `${GIZMOS}?includeObject=Object`],
  "as a Table without objects": [TABLE, "summary", `${GIZMOS}?includeObject=None`],
  "as metadata": [PARTIAL, "whole"],
  "for people": ["application/json", "whole", `${GIZMOS}?pretty=true`],
  "as YAML": ["application/yaml", "whole"],
};

describe("a list that comes in parts", () => {
  let source: Source;
  let toy: Toy;
  beforeEach(async () => {
    source = { taken: 0, left: false, asked: [], count: 20, size: 10, whole: false };
    toy = await startToy(memoryStore(), [streamed(source)]);
  });
  afterEach(() => toy.close());

  const both = async (path: string, headers: Record<string, string>) => {
    source.whole = true;
    const whole = await toy.call(path, { headers });
    source.whole = false;
    return { whole, parts: await toy.call(path, { headers }) };
  };

  for (const [name, [accept, detail, path = GIZMOS]] of Object.entries(FORMS))
    for (const [length, count, size] of [
      ["short", 20, 10],
      ["long", 200, 1000],
      ["empty", 0, 0],
      ["with nothing to see", 1, 10],
    ] as const)
      it(`${name}, ${length}: byte by byte what it is otherwise`, async () => {
        Object.assign(source, { count, size });
        const { whole, parts } = await both(path, { accept });
        expect(parts.status).to.equal(200);
        expect(parts.text).to.equal(whole.text);
        expect(parts.headers["content-type"]).to.equal(whole.headers["content-type"]);
        expect(source.asked.map((each) => each.detail)).to.deep.equal([detail, detail]);
      });

  it("is compressed for who likes that, from the same length on", async () => {
    for (const size of [10, 1000]) {
      Object.assign(source, { count: 200, size });
      const { whole, parts } = await both(GIZMOS, { "accept-encoding": "gzip" });
      expect(parts.headers["content-encoding"]).to.equal(whole.headers["content-encoding"]);
      expect(parts.headers["vary"]).to.equal(whole.headers["vary"]);
      const [first, second] = [whole, parts].map(({ bytes, headers }) =>
        headers["content-encoding"] === "gzip" ? gunzipSync(bytes).toString() : bytes.toString(),
      );
      expect(second).to.equal(first);
    }
  });

  it("is not read for a HEAD beyond what a short answer is", async () => {
    Object.assign(source, { count: 2000, size: 1000 });
    const { status, bytes } = await toy.call(GIZMOS, { method: "HEAD" });
    expect([status, bytes.length]).to.deep.equal([200, 0]);
    expect(source.taken).to.be.below(60);
  });

  for (const [when, after] of [
    ["before the first part", 0],
    ["soon after", 9],
  ] as const)
    it(`fails ${when}: the answer is a Status`, async () => {
      source.fault = { after, error: new StatusError("Expired", "too old") };
      const { status, json } = await toy.call(GIZMOS);
      expect([status, json]).to.deep.include.members([410]);
      expect(json).to.include({ kind: "Status", reason: "Expired", message: "too old" });
      source.fault = { after, error: new Error("unheard of") };
      expect((await toy.call(GIZMOS)).status).to.equal(500);
      expect(toy.logged).to.have.length(1);
    });

  describe("over real sockets", () => {
    let servers: Server[];
    let [port1, port2] = [0, 0];
    beforeEach(async () => {
      servers = [
        createServer((request, response) => void toy.api(request, response)),
        createServer2((request, response) => void toy.api(request, response)),
      ];
      const ports: number[] = [];
      for (const server of servers) {
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        ports.push((server.address() as AddressInfo).port);
      }
      [port1 = 0, port2 = 0] = ports;
    });
    afterEach(() => {
      for (const server of servers) server.close();
    });

    async function overHttp1(headers = {}): Promise<IncomingMessage> {
      const asked = get({
        port: port1,
        host: "127.0.0.1",
        path: GIZMOS,
        headers: { user: "alice", ...headers },
        agent: false,
      });
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      return response;
    }

    async function overHttp2(headers = {}): Promise<ClientHttp2Stream> {
      const session = connect(`http://127.0.0.1:${port2}`);
      const stream = session.request({ ":path": GIZMOS, user: "alice", ...headers });
      stream.once("close", () => session.destroy());
      await once(stream, "response");
      return stream;
    }

    for (const [protocol, open] of Object.entries({ "HTTP/1.1": overHttp1, "HTTP/2": overHttp2 })) {
      for (const [encoding, headers] of [
        ["plain", {}],
        ["compressed", { "accept-encoding": "gzip" }],
      ] as const)
        it(`fails in the middle, ${protocol}, ${encoding}: the client sees a broken answer`, async () => {
          Object.assign(source, { count: 2000, size: 1000 });
          source.fault = { after: 1500, error: new StatusError("ServiceUnavailable", "gone") };
          const body = await open(headers);
          let failed: unknown;
          await text(body).catch((error: unknown) => {
            failed = error;
          });
          expect(failed).to.be.instanceOf(Error);
        });

      it(`goes no faster than the client, and ends with it, ${protocol}`, async () => {
        Object.assign(source, { count: 60_000, size: 1000 });
        const body = await open();
        await once(body, "readable");
        const before = await settled(() => source.taken);
        expect(before).to.be.below(10_000);
        expect(source.left).to.equal(false);
        body.destroy();
        await until(() => source.left);
        expect(source.taken).to.be.below(20_000);
        expect(source.asked[0]?.signal.aborted).to.equal(true);
      });
    }
  });
});

/** The value once it has stopped to change. */
async function settled(value: () => number): Promise<number> {
  let [last, same] = [value(), 0];
  while (same < 20) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = value() === last ? same + 1 : 0;
    last = value();
  }
  return last;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
