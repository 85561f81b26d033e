/**
 * Why a session cannot be used, to those who begin by asking what the API server has. Clients of Go look for no Status in that
 * answer: of one they show no more than "unknown", or that the server has no such resource. What is plain text they show.
 */
import type { Connection } from "#kit/resource.ts";
import { StatusError, statusOf } from "#kit/status.ts";
import { isDocument } from "../request/inner.ts";

/** Of an error that comes before any answer. Rejects with it where it is for a Status after all. */
export async function toldPlainly(connection: Connection, error: unknown): Promise<void> {
  const { response } = connection;
  const isRefusal = error instanceof StatusError && ["Forbidden", "NotFound"].includes(error.reason);
  if (!isRefusal || response.headersSent || !isDocument(connection)) throw error;
  // Of a 404 they show nothing.
  response.statusCode = 403;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("Cache-Control", "no-cache, private");
  response.end(`${statusOf(error).message}\n`);
}
