import { once } from "node:events";
import { connect } from "node:http2";
import { request as https } from "node:https";
import type { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { door } from "#kit/door.ts";
import { type Listening, listen } from "#kit/listen.ts";
import { authority } from "./certificates.ts";

const ca = authority("ca");

describe("a door", () => {
  let server: Listening;
  let opened: ReturnType<typeof door>;
  let came: number;
  let left: Promise<unknown>[];

  beforeEach(async () => {
    opened = door();
    came = 0;
    left = [];
    server = await listen({
      ...ca.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] }),
      host: "127.0.0.1",
      port: 0,
      handler: (request, response) => {
        came += 1;
        left.push(once(response, "close"));
        return opened.handler(request, response);
      },
    });
  });
  afterEach(() => server.close(async () => {}, 0));

  const untilCome = async (count: number) => {
    while (came < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const ask = (path: string) =>
    https({ host: "127.0.0.1", port: server.port, path, ca: ca.cert, agent: false }).end();

  it("lets what comes early wait, and tells how long it has; what comes later has not", async () => {
    const answered: [string | undefined, boolean][] = [];
    const session = connect(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    const [early, also] = [ask("/early"), session.request({ ":path": "/also" })];
    const answers = Promise.all([once(early, "response"), text(also)]);
    await untilCome(2);
    opened.open(async ({ url }, response: Writable, waited) => {
      answered.push([url, waited > 0]);
      response.end("answer");
    });
    const [[response], said] = await answers;
    expect([await text(response), said]).to.deep.equal(["answer", "answer"]);
    await once(ask("/late"), "response");
    session.close();
    expect(answered.map(([url]) => url)).to.have.members(["/early", "/also", "/late"]);
    expect(answered.slice(0, 2).map(([, hasWaited]) => hasWaited)).to.deep.equal([true, true]);
  });

  it("forgets who has hung up", async () => {
    const asked = ask("/gone");
    asked.on("error", () => undefined);
    await untilCome(1);
    asked.destroy();
    await Promise.all(left);
    const answered: unknown[] = [];
    opened.open(async ({ url }, response: Writable) => {
      answered.push(url);
      response.end();
    });
    await once(ask("/there"), "response");
    expect(answered).to.deep.equal(["/there"]);
  });
});
