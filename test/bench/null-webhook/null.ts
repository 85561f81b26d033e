/** The same floor in Node.js: what of a review's cost is the platform's. usage: null.ts PORT CERTIFICATE KEY */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { text } from "node:stream/consumers";

interface Review {
  apiVersion: string;
  kind: string;
  request: { uid: string };
}

async function allow(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { apiVersion, kind, request: asked } = JSON.parse(await text(request)) as Review;
  const body = JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, allowed: true } });
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

const [, , port = "", certificate = "", key = ""] = process.argv;
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, allow);
// kube-apiserver keeps idle connections for 90 s.
server.keepAliveTimeout = 120_000;
server.listen(Number(port), "127.0.0.1");
