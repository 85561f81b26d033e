/** What may go wrong, in a sentence a person can act on. */
import { printable } from "#core/printable.ts";
import type { Finished } from "./kubectl.ts";

/** An expected failure: its message is shown as it is, without a stack. */
export class CommandError extends Error {}

/** A refusal by the API server or by Hoop; `reason` as in metav1.Status, "" where kubectl did not tell it. */
export class ApiError extends CommandError {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What kubectl printed when it failed, as an error of ours. */
export function apiError({ code, stderr }: Pick<Finished, "code" | "stderr">): ApiError {
  const text = stderr.trim();
  const [, reason = "", message = text] = /^Error from server(?: \((\w+)\))?: (.*)$/s.exec(text) ?? [];
  const known = SENTENCES.find(([matches]) => matches(reason, message));
  const sentence = known === undefined ? bare(message) : known[1](message);
  return new ApiError(reason, sentence === "" ? `kubectl ended with exit code ${code}` : sentence);
}

type Sentence = [matches: (reason: string, message: string) => boolean, say: (message: string) => string];

const NOT_SERVED =
  "this cluster does not serve hoop.dev/v1alpha1: Hoop is not installed there, or this is not the cluster you mean " +
  "(kubectl config current-context)";

const DOWN =
  "Hoop does not answer. Until it does, agents' writes are refused and nothing can be decided; nobody else is " +
  "affected. See why: kubectl get apiservice v1alpha1.hoop.dev";

/** The first that matches is said; any other message goes through as it is. */
const SENTENCES: readonly Sentence[] = [
  [
    (reason, message) => reason === "NotFound" && /could not find the requested resource/.test(message),
    () => NOT_SERVED,
  ],
  [(_, message) => /doesn't have a resource type/.test(message), () => NOT_SERVED],
  [(reason) => reason === "ServiceUnavailable", () => DOWN],
  [
    (_, message) => /unable to retrieve the complete list of server APIs.*hoop\.dev/s.test(message),
    () => DOWN,
  ],
  [
    (reason) => reason === "Forbidden",
    (message) => `forbidden: ${message.replace(/^[^:]* is forbidden: /, "")}`,
  ],
  [
    (reason) => reason === "Conflict",
    (message) => message.replace(/^Operation cannot be fulfilled on \S+ "[^"]*": /, ""),
  ],
];

/** Without the prefix that the line it is printed on has anyway. */
function bare(message: string): string {
  return message.replace(/^error: /i, "");
}

/** The line a person reads. A server's message may quote an agent. */
export function errorLine(error: Error): string {
  return `error: ${printable(error.message, { multiline: true })}`;
}
