/** A way in that is open before there is anybody behind it: requests that come early wait. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ApiRequest, ApiResponse } from "./request.ts";

/** Answers a request that came `waited` milliseconds ago; must not reject. */
export type Answerer = (request: ApiRequest, response: ApiResponse, waited: number) => Promise<void>;

/** Takes a connection over after its request to upgrade; must not reject. */
export type Upgrader = (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

export interface Door {
  /** For `listen`. */
  handler: (request: ApiRequest, response: ApiResponse) => Promise<void>;
  upgrade: Upgrader;
  /** From now on requests are answered, those that waited first. Without an upgrader, upgrades are broken off. */
  open(answerer: Answerer, upgrader?: Upgrader): void;
}

export function door(): Door {
  const { promise, resolve } = Promise.withResolvers<{ answerer: Answerer; upgrader?: Upgrader }>();
  return {
    open: (answerer, upgrader) => resolve(upgrader ? { answerer, upgrader } : { answerer }),
    async upgrade(request, socket, head) {
      // A client that leaves while it waits is no error of ours.
      socket.on("error", () => socket.destroy());
      const { upgrader } = await promise;
      if (!upgrader || socket.destroyed) socket.destroy();
      else await upgrader(request, socket, head);
    },
    async handler(request, response) {
      const came = performance.now();
      let gone = false;
      response.once("close", () => {
        gone = true;
      });
      const { answerer } = await promise;
      // Nobody is there any more to be told that it was allowed.
      if (!gone) await answerer(request, response, performance.now() - came);
    },
  };
}
