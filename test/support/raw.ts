/** HTTPS as an attacker speaks it: any method, path, header, body and client certificate, without kubectl's manners. */
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { parse } from "yaml";

/** PEM; without certificate and key nobody in particular. */
export interface Identity {
  cert?: string;
  key?: string;
  token?: string;
}

export interface Call {
  method?: string;
  path: string;
  /** An object goes as JSON. */
  body?: object | string;
  /** Of the body; by default JSON. */
  type?: string;
  accept?: string;
  headers?: Record<string, string | string[]>;
}

export interface Reply {
  code: number;
  text: string;
}

export type Caller = (call: Call) => Promise<Reply>;

/** Requests to `https://127.0.0.1:PORT`, whose certificate is not looked at: the attacker does not care who answers. */
export function rawCaller(port: number, { cert, key, token }: Identity): Caller {
  const agent = new Agent({
    keepAlive: true,
    rejectUnauthorized: false,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return ({ method = "GET", path, body, type = "application/json", accept = "application/json", headers }) =>
    new Promise((resolve, reject) => {
      const sending = typeof body === "object" ? JSON.stringify(body) : body;
      // Node frames the body of a DELETE only where its length is given.
      const content =
        sending === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(sending) };
      const sent = request(
        {
          host: "127.0.0.1",
          port,
          method,
          path,
          agent,
          headers: { accept, ...content, ...bearer, ...headers },
        },
        (response) => {
          text(response).then((said) => resolve({ code: response.statusCode ?? 0, text: said }), reject);
        },
      );
      sent.once("error", reject);
      sent.end(sending);
    });
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string } }];
  users: [{ user: { "client-certificate-data"?: string; "client-key-data"?: string; token?: string } }];
}

/** Who a kubeconfig is, the port of its API server, and what comes before each path (of a session), or "". */
export async function credentialsIn(
  file: string,
): Promise<{ identity: Identity; port: number; prefix: string }> {
  const { clusters, users } = parse(await readFile(file, "utf8")) as Kubeconfig;
  const { "client-certificate-data": cert, "client-key-data": key, token } = users[0].user;
  const pem = (data: string) => Buffer.from(data, "base64").toString();
  const { port, pathname } = new URL(clusters[0].cluster.server);
  return {
    identity: {
      ...(cert === undefined ? {} : { cert: pem(cert) }),
      ...(key === undefined ? {} : { key: pem(key) }),
      ...(token === undefined ? {} : { token }),
    },
    port: Number(port),
    prefix: pathname === "/" ? "" : pathname,
  };
}

/** Requests to the kubeconfig's API server as its user. */
export async function asUserOf(kubeconfig: string): Promise<Caller> {
  const { identity, port, prefix } = await credentialsIn(kubeconfig);
  const caller = rawCaller(port, identity);
  return (call) => caller({ ...call, path: prefix + call.path });
}

/** What became of a request that Hoop may stop: `held by RULES`, `denied by RULE`, `forbidden by RULE` (authorization) or the code. */
export function verdictOf({ code, text: said }: Reply): string {
  const message = said.startsWith("{") ? ((JSON.parse(said) as { message?: string }).message ?? "") : said;
  const held = /HELD, not refused\. .*? rule=(\S+)/.exec(message);
  if (held !== null) return `held by ${held[1]}`;
  const [, rule] = /\(rule ([\w@/.-]+)\)/.exec(message) ?? [];
  if (rule === undefined) return `${code}${code >= 400 ? ` ${message}` : ""}`;
  return message.includes("denied for agents") ? `denied by ${rule}` : `forbidden by ${rule}`;
}
