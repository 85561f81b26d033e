/** Reviews as kube-apiserver posts them: over HTTP/2, with its client certificate. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type ClientHttp2Session, connect } from "node:http2";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { AdmissionRequest } from "#core/admission.ts";

export interface ReviewAnswer {
  uid: string;
  allowed: boolean;
  status?: { code?: number; message?: string; details?: { retryAfterSeconds?: number } };
}

export interface ReviewClient {
  /** The answer to an AdmissionReview. Rejects where there is none. */
  review(request: AdmissionRequest): Promise<ReviewAnswer>;
  /** Any request: its code and text. */
  post(
    path: string,
    body: string | Buffer,
    headers?: Record<string, string>,
  ): Promise<{ code: number; text: string }>;
  close(): void;
}

/** The API server's certificate lies in the installation's directory of certificates. */
export async function reviewClient(
  port: number,
  certificates: string,
  connections = 1,
): Promise<ReviewClient> {
  const [ca, cert, key] = await Promise.all(
    ["ca.crt", "client.crt", "client.key"].map((name) => readFile(join(certificates, name))),
  );
  const open = (): ClientHttp2Session =>
    connect(`https://127.0.0.1:${port}`, {
      ca,
      cert,
      key,
      servername: "localhost",
      maxSessionMemory: 2000,
    }).on("error", () => undefined);
  const sessions = Array.from({ length: connections }, open);
  let turn = 0;
  const post: ReviewClient["post"] = async (path, body, headers = {}) => {
    const at = turn++ % connections;
    let session = sessions[at];
    if (session === undefined || session.closed || session.destroyed) session = sessions[at] = open();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/json",
      ...headers,
    });
    stream.once("response", (answered) => resolve(Number(answered[":status"])));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error(`no answer (${stream.rstCode})`)));
    const said = text(stream);
    said.catch(() => undefined);
    stream.end(body);
    return { code: await promise, text: await said };
  };
  return {
    post,
    review: async (request) => {
      const { code, text: said } = await post("/validate?timeout=30s", admissionReview(request));
      if (code !== 200) throw new Error(`${code} ${said}`);
      return (JSON.parse(said) as { response: ReviewAnswer }).response;
    },
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

/** The review again and again, as a client's retries bring it about, until it is decided. */
export async function untilDecided(client: ReviewClient, request: AdmissionRequest): Promise<ReviewAnswer> {
  for (;;) {
    const answer = await client.review({ ...request, uid: randomUUID() });
    const after = answer.status?.details?.retryAfterSeconds;
    if (answer.status?.code !== 429 || after === undefined) return answer;
    await delay(after * 1000);
  }
}

/** The request as kube-apiserver writes it. */
export function admissionReview({ subresource, userInfo, ...rest }: AdmissionRequest): string {
  const extra = Object.fromEntries(userInfo.extra);
  const wire = { ...rest, subResource: subresource, userInfo: { ...userInfo, extra } };
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: wire });
}
