/** exec, attach and port-forward: a WebSocket on either side, and what goes through it recorded both ways. */
import type { IncomingMessage } from "node:http";
import { extrasOf } from "#core/session/extras.ts";
import { header, protocolsOf } from "#kit/request.ts";
import { flag } from "#kit/request-info.ts";
import { StatusError } from "#kit/status.ts";
import { beginAnswer } from "../answer/answer.ts";
import { type BrokerCall, noAnswer, sessionOver } from "../call.ts";
import { heldIn, messageOf, untilDecided } from "../held.ts";
import { maskedJson, maskedText } from "../mask/answer.ts";
import type { BrokerPorts, BrokerState } from "../ports.ts";
import { sha256 } from "../record/record.ts";
import { examined } from "../request/examined.ts";
import { type HeaderLines, innerHeaders } from "../request/headers.ts";
import { denied, needsWebSocket } from "../request/inner.ts";
import { type Reply, sent } from "../upstream.ts";
import { attentive } from "./attentive.ts";
import { command } from "./command.ts";
import { tunnel } from "./tunnel.ts";
import { type End, pumped, type Through } from "./wire.ts";

type Upgraded = "exec" | "forward";

/** Of a command, each message begins with the number of its channel; what is forwarded is SPDY, tunnelled. */
const PROTOCOLS: Readonly<Record<Upgraded, readonly string[]>> = {
  exec: ["v5.channel.k8s.io", "v4.channel.k8s.io"],
  forward: ["SPDY/3.1+portforward.k8s.io"],
};

export async function upgraded(ports: BrokerState, call: BrokerCall): Promise<void> {
  checkAsked(ports, call);
  const { upgrade } = call.connection;
  if (upgrade === undefined) throw needsWebSocket(call.inner.way);
  await examined(ports, call, undefined);
  await call.record.request();
  const client = attentive(upgrade);
  const waiting = { ...call, signal: AbortSignal.any([call.signal, client.gone]) };
  const reply = await answered(ports, waiting);
  if (reply.upgraded === undefined) return refused(ports, call, reply);
  const { upgraded: there } = reply;
  try {
    if (reply.response.statusCode !== 101)
      throw new StatusError("InternalError", "the connection could not be upgraded");
    const unrecorded = new AbortController();
    const through = await throughOf(ports, call, () => unrecorded.abort(unrecordable()));
    if (waiting.signal.aborted) throw sessionOver();
    const lasting = { ...call, signal: AbortSignal.any([call.signal, unrecorded.signal]) };
    await connected(lasting, through, client.stop(), there, reply.response);
  } finally {
    there.socket.destroy();
  }
}

async function connected(
  call: BrokerCall,
  through: Through,
  here: End,
  there: End,
  response: IncomingMessage,
): Promise<void> {
  here.socket.write(switching(response));
  const { signal, record } = call;
  await pumped({ signal, record, why: () => whyCut(call) }, through, here, there);
}

function whyCut({ cut, signal }: Pick<BrokerCall, "cut" | "signal">): StatusError {
  if (cut.aborted) return sessionOver();
  if (signal.reason instanceof StatusError) return signal.reason;
  return new StatusError("ServiceUnavailable", "Hoop is shutting down; run it again");
}

function unrecordable(): StatusError {
  return new StatusError("InternalError", "what goes on cannot be recorded, and so goes no further");
}

async function throughOf(
  { clock, log }: BrokerPorts,
  { inner, record, masks, terms }: BrokerCall,
  failed: () => void,
): Promise<Through> {
  const ports = { clock, log, record };
  if (inner.way === "forward") return tunnel(ports, failed, terms.forwardedPorts);
  return command(ports, async () => (await masks()).known, failed);
}

const NO_PORTS =
  "the profile does not allow port-forward: spec.session.portForward and forwardedPorts of the AgentProfile would";

/** @throws {StatusError} Forbidden. */
function checkAsked({ toldAgain }: BrokerState, call: BrokerCall): void {
  const { connection, inner, terms } = call;
  const { query } = inner.info;
  // What the profile forbids is told first: a client that is refused asks again by SPDY, and shows that answer.
  if (inner.way === "forward" && !terms.portForward) throw denied(NO_PORTS);
  if (inner.way === "exec" && flag(query, "stdin") && !terms.exec.stdin)
    throw denied("the profile allows no standard input: its spec.session.exec.stdin does");
  if (inner.way === "exec" && flag(query, "tty") && !terms.exec.tty)
    throw denied("the profile allows no terminal: its spec.session.exec.tty does");
  const isWebSocket = header(connection.request, "upgrade").toLowerCase() === "websocket";
  if (isWebSocket && offeredOf(call).length > 0) return;
  throw toldAgain.take(aboutOf(call)) ?? needsWebSocket(inner.way);
}

function aboutOf({ session, inner }: BrokerCall): string {
  return `${session.metadata.uid} ${inner.target}`;
}

function offeredOf({ connection, inner }: BrokerCall): string[] {
  const taken = inner.way === "forward" ? PROTOCOLS.forward : PROTOCOLS.exec;
  return protocolsOf(connection.request).filter((one) => taken.includes(one));
}

function answered(ports: BrokerPorts, call: BrokerCall): Promise<Reply & { body: string }> {
  const ask = () =>
    asked(ports, call).catch((error: unknown) => {
      throw noAnswer(call, error);
    });
  return untilDecided(ports, call, ask, ({ response, body }) => heldIn(response.statusCode ?? 0, body));
}

async function asked(ports: BrokerPorts, call: BrokerCall): Promise<Reply & { body: string }> {
  const { connection, inner, session } = call;
  const identity = { serviceAccount: session.status.serviceAccount, extras: extrasOf(session) };
  const reply = await sent(
    ports.upstream,
    {
      ...{ method: inner.method, path: inner.sent, lasts: true, signal: call.signal },
      headers: {
        ...withoutAccept(innerHeaders(connection.headers, identity, { masked: false })),
        ...{ connection: "Upgrade", upgrade: "websocket" },
        "sec-websocket-protocol": offeredOf(call).join(", "),
      },
    },
    undefined,
  );
  return { ...reply, body: reply.upgraded === undefined ? await textOf(reply.response) : "" };
}

/** Kubelets are asked in the same words, and have no answer in JSON; what the API server refuses, it does in JSON. */
function withoutAccept({ accept: _, ...headers }: HeaderLines): HeaderLines {
  return headers;
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
  { toldAgain }: BrokerState,
  call: BrokerCall,
  { response: from, body }: { response: IncomingMessage; body: string },
): Promise<void> {
  const { connection, record, masks } = call;
  const { response } = connection;
  const code = from.statusCode ?? 502;
  const shown = Buffer.from((body.startsWith("{") ? maskedJson : maskedText)(body, await masks()));
  await beginAnswer(call, from);
  if (code < 400) response.statusCode = 502;
  toldAgain.remember(aboutOf(call), { reason: "Forbidden", message: messageOf(shown.toString()) });
  await record.response({
    ...{ code: response.statusCode, bytes: shown.length, sha256: sha256(shown) },
    body: shown.toString(),
  });
  response.end(shown);
}

const PASSED = new Set(["sec-websocket-accept", "sec-websocket-protocol"]);

function switching({ headers }: IncomingMessage): string {
  const lines = Object.entries(headers)
    .filter(([name]) => PASSED.has(name))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join("")}\r\n`;
}
