/**
 * Requests of others, passed on to the API server as they are: on connections of their own, so that nothing which lasts
 * keeps what Hoop itself asks for waiting, and nothing of what they say is read anew on the way.
 */
import { type ClientRequest, request as plainRequest } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import type { UpstreamCall } from "#core/ports.ts";
import { KubeConfig } from "./client-node.ts";

const CALLS = 256;
/** Milliseconds. Certificates and tokens in files change; reading them is a good part of a small request. */
const FRESH = 1_000;

export interface Upstream {
  /** With Hoop's own credentials; not sent before its `end`. */
  request(call: UpstreamCall): Promise<ClientRequest>;
  close(): void;
}

interface Credentials {
  options: RequestOptions;
  /** Differs where they do. */
  name: string;
  until: number;
}

interface Named extends RequestOptions {
  credentials?: string;
}

/** By itself it reads all certificates of a request, three times, to find a connection that was made with the same. */
class Calls extends Agent {
  override getName({ credentials = "" }: Named = {}): string {
    return credentials;
  }
}

export function upstream(kubeconfigFile?: string): Upstream {
  const config = new KubeConfig();
  if (kubeconfigFile === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfigFile);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`${kubeconfigFile}: its current context names no cluster`);
  const server = new URL(cluster.server);
  const below = server.pathname.replace(/\/$/, "");
  const place = { host: server.hostname.replace(/^\[|\]$/g, ""), port: server.port || 443 };
  const calls = new Calls({ keepAlive: true, maxSockets: CALLS });
  const streams = new Agent({ keepAlive: false });
  const credentials = credentialsOf(config, streams);
  return {
    async request({ method, path, headers, lasts, signal }: UpstreamCall): Promise<ClientRequest> {
      const { options, name } = await credentials();
      const send = server.protocol === "http:" ? plainRequest : request;
      const asked: Named = {
        ...options,
        ...place,
        ...{ method, signal, credentials: name },
        // Not by a URL: those who read one collapse what looks like a detour, and the request would be another one.
        path: below + path,
        headers: { ...headers, ...options.headers },
        agent: server.protocol === "http:" ? undefined : lasts ? streams : calls,
      };
      return send(asked);
    },
    close() {
      calls.destroy();
      streams.destroy();
    },
  };
}

/** @param naming tells credentials apart. */
function credentialsOf(config: InstanceType<typeof KubeConfig>, naming: Agent): () => Promise<Credentials> {
  let known: Credentials | undefined;
  return async () => {
    if (known !== undefined && performance.now() < known.until) return known;
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    known = { options, name: naming.getName(options), until: performance.now() + FRESH };
    return known;
  };
}
