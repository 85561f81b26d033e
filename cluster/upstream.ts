/**
 * Requests of others, passed on to the API server as they are: on connections of their own, so that nothing which lasts
 * keeps what Hoop itself asks for waiting, and nothing of what they say is read anew on the way.
 */
import { type ClientRequest, request as plainRequest } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import type { UpstreamCall } from "#core/ports.ts";
import { KubeConfig } from "./client-node.ts";

const CALLS = 256;

export interface Upstream {
  /** With Hoop's own credentials; not sent before its `end`. */
  request(call: UpstreamCall): Promise<ClientRequest>;
  close(): void;
}

export function upstream(kubeconfigFile?: string): Upstream {
  const config = new KubeConfig();
  if (kubeconfigFile === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfigFile);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`${kubeconfigFile}: its current context names no cluster`);
  const server = new URL(cluster.server);
  const below = server.pathname.replace(/\/$/, "");
  const calls = new Agent({ keepAlive: true, maxSockets: CALLS });
  const streams = new Agent({ keepAlive: false });
  return {
    async request({ method, path, headers, lasts, signal }: UpstreamCall): Promise<ClientRequest> {
      const identity: RequestOptions = {};
      await config.applyToHTTPSOptions(identity);
      const send = server.protocol === "http:" ? plainRequest : request;
      return send({
        ...identity,
        ...{ host: server.hostname.replace(/^\[|\]$/g, ""), port: server.port || 443, method, signal },
        // Not by a URL: those who read one collapse what looks like a detour, and the request would be another one.
        path: below + path,
        headers: { ...headers, ...identity.headers },
        ...(server.protocol === "http:" ? { agent: undefined } : { agent: lasts ? streams : calls }),
      });
    },
    close() {
      calls.destroy();
      streams.destroy();
    },
  };
}
