/** How an agent may try to fill the memory of all by what it sends, and never ends. */
import type { Socket } from "node:net";
import { expect } from "chai";
import { Room } from "#apiserver-ext/broker/room.ts";
import { type Bed, startBed } from "./bed.ts";

const MAPS = "/api/v1/namespaces/demo/configmaps";
const MIB = 1024 * 1024;

describe("the bodies of requests through sessions", () => {
  it("have a limit for each agent and one for all, and all room is given back", () => {
    const room = new Room("sent");
    const [ann, bob, cleo, dan] = ["ann", "bob", "cleo", "dan"].map((agent) => room.share(agent));
    for (const agent of [ann, bob, cleo]) agent?.take(32 * MIB);
    expect(() => room.share("ann").take(1)).to.throw("too much is sent");
    expect(() => dan?.take(1)).to.throw("too much is sent");
    ann?.leave();
    dan?.take(32 * MIB);
    expect(() => room.share("ann").take(1)).to.throw("too much is sent");
    dan?.give(MIB);
    room.share("ann").take(MIB);
  });

  describe("that never end", () => {
    let bed: Bed;
    beforeEach(async () => {
      bed = await startBed();
    });
    afterEach(() => bed.close());

    /** All but the last byte of as much as may be sent. */
    function begun(): Socket {
      const head = [
        `POST ${bed.path}${MAPS} HTTP/1.1`,
        ...["Host: x", "User: ann", "Connection: close", `Content-Length: ${3 * MIB}`],
      ];
      const socket = bed.raw(`${head.join("\r\n")}\r\n\r\n`).on("error", () => {});
      socket.write(Buffer.alloc(3 * MIB - 1, " "));
      return socket;
    }

    const codes = async () =>
      (await bed.entries()).flatMap((entry) => (entry.kind === "brokered" ? [entry.code] : []));
    const untilTold = async (code: number) => {
      while (!(await codes()).includes(code)) await new Promise((resolve) => setImmediate(resolve));
    };

    it("take no more room than one agent has, which is free again when their clients have gone", async () => {
      const sockets = Array.from({ length: 11 }, begun);
      await untilTold(429);
      expect(await codes()).not.to.include(200);
      for (const socket of sockets) socket.destroy();
      // One of that size has room only where theirs is free; when they have gone is the server's to notice.
      let isTold = false;
      const again = () => {
        if (!isTold) begun().once("close", again).write(" ");
      };
      again();
      await untilTold(200);
      isTold = true;
    });
  });
});
