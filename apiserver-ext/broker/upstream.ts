/** The API server, as the broker passes requests on to it. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { UpstreamCall } from "#core/ports.ts";

export interface Upstream {
  /** With Hoop's own credentials; not sent before its `end`. */
  request(call: UpstreamCall): Promise<ClientRequest>;
}

/** What comes back: an answer, or a connection that was upgraded. */
export interface Reply {
  response: IncomingMessage;
  upgraded: { socket: Duplex; head: Buffer } | undefined;
}

/** Sends it and waits for the answer to begin. Rejects where there is none. */
export async function sent(upstream: Upstream, call: UpstreamCall, body: Buffer | undefined): Promise<Reply> {
  const request = await upstream.request(call);
  return new Promise((resolve, reject) => {
    // Also later on, when its connection breaks: whoever reads the answer is told.
    request.on("error", reject);
    request.once("response", (response) => resolve({ response, upgraded: undefined }));
    request.once("upgrade", (response, socket, head) => resolve({ response, upgraded: { socket, head } }));
    request.end(body);
  });
}
