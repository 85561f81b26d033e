/** A way in that is open before there is anybody behind it: requests that come early wait. */
import type { ApiRequest, ApiResponse } from "./request.ts";

/** Answers a request that came `waited` milliseconds ago; must not reject. */
export type Answerer = (request: ApiRequest, response: ApiResponse, waited: number) => Promise<void>;

export interface Door {
  /** For `listen`. */
  handler: (request: ApiRequest, response: ApiResponse) => Promise<void>;
  /** From now on requests are answered, those that waited first. */
  open(answerer: Answerer): void;
}

export function door(): Door {
  const { promise, resolve } = Promise.withResolvers<Answerer>();
  return {
    open: resolve,
    async handler(request, response) {
      const came = performance.now();
      let gone = false;
      response.once("close", () => {
        gone = true;
      });
      const answer = await promise;
      // Nobody is there any more to be told that it was allowed.
      if (!gone) await answer(request, response, performance.now() - came);
    },
  };
}
