/** exec and attach: a WebSocket on either side, and what goes through it recorded both ways. */
import type { IncomingMessage } from "node:http";
import { extrasOf } from "#core/session/extras.ts";
import { header, protocolsOf } from "#kit/request.ts";
import { flag } from "#kit/request-info.ts";
import { StatusError } from "#kit/status.ts";
import { type BrokerCall, noAnswer, sessionOver } from "./call.ts";
import { answerHeaders, innerHeaders } from "./headers.ts";
import { heldIn, waitFor } from "./held.ts";
import { denied, needsWebSocket } from "./inner.ts";
import { maskedJson, maskedText } from "./mask-answer.ts";
import type { BrokerPorts } from "./ports.ts";
import { type Reply, sent } from "./upstream.ts";
import { pumped } from "./wire.ts";

/** Each message begins with the number of its channel. */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

export async function upgraded(ports: BrokerPorts, call: BrokerCall): Promise<void> {
  const { connection, record } = call;
  checkAsked(call);
  await record.request(undefined);
  const reply = await answered(ports, call);
  if (reply.upgraded === undefined) return refused(call, reply);
  const { upgraded: there } = reply;
  const here = connection.upgrade;
  if (here === undefined || reply.response.statusCode !== 101) {
    there.socket.destroy();
    throw new StatusError("InternalError", "the connection could not be upgraded");
  }
  if (call.signal.aborted) {
    there.socket.destroy();
    throw sessionOver();
  }
  const { known } = await call.masks();
  here.socket.write(switching(reply.response));
  await pumped(ports, call, known, here, there);
}

/** @throws {StatusError} Forbidden. */
function checkAsked({ connection: { request }, inner, terms }: BrokerCall): void {
  if (header(request, "upgrade").toLowerCase() !== "websocket") throw needsWebSocket();
  if (!protocolsOf(request).some((one) => PROTOCOLS.includes(one))) throw needsWebSocket();
  const { query } = inner.info;
  if (flag(query, "stdin") && !terms.exec.stdin) throw denied("the profile allows no standard input");
  if (flag(query, "tty") && !terms.exec.tty) throw denied("the profile allows no terminal");
}

/** Asks again for as long as people have not decided. */
async function answered(ports: BrokerPorts, call: BrokerCall): Promise<Reply & { body: string }> {
  for (;;) {
    const reply = await asked(ports, call).catch((error: unknown) => {
      throw noAnswer(call, error);
    });
    const held = heldIn(reply.response.statusCode ?? 0, reply.body);
    if (held === undefined || (await waitFor(ports, held, call.signal)) === "give-up") return reply;
  }
}

async function asked(ports: BrokerPorts, call: BrokerCall): Promise<Reply & { body: string }> {
  const { connection, inner, session } = call;
  const identity = { serviceAccount: session.status.serviceAccount, extras: extrasOf(session) };
  const offered = protocolsOf(connection.request).filter((one) => PROTOCOLS.includes(one));
  const reply = await sent(
    ports.upstream,
    {
      ...{ method: inner.method, path: inner.sent, lasts: true, signal: call.signal },
      headers: {
        ...innerHeaders(connection.headers, identity, { masked: true }),
        ...{ connection: "Upgrade", upgrade: "websocket" },
        "sec-websocket-protocol": offered.join(", "),
      },
    },
    undefined,
  );
  return { ...reply, body: reply.upgraded === undefined ? await textOf(reply.response) : "" };
}

const LONGEST_REFUSAL = 64 * 1024;

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > LONGEST_REFUSAL) break;
  }
  return text;
}

async function refused(
  { connection: { response }, record, masks }: BrokerCall,
  { response: from, body }: { response: IncomingMessage; body: string },
): Promise<void> {
  const code = from.statusCode ?? 502;
  const shown = (body.startsWith("{") ? maskedJson : maskedText)(body, await masks());
  await record.response({ code, bytes: shown.length, sha256: "", body: shown });
  response.statusCode = code >= 400 ? code : 502;
  for (const [name, value] of Object.entries(answerHeaders(from.rawHeaders))) response.setHeader(name, value);
  response.end(shown);
}

const PASSED = new Set(["sec-websocket-accept", "sec-websocket-protocol"]);

function switching({ headers }: IncomingMessage): string {
  const lines = Object.entries(headers)
    .filter(([name]) => PASSED.has(name))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join("")}\r\n`;
}
