/** How a command in a pod ended: a metav1.Status, which comes last, by a channel of its own. */
import type { LedgerRecord } from "../api.ts";
import { member, objectIn } from "./answers.ts";
import { statusIn } from "./tape.ts";

export type Ending = { exitCode: number } | { message: string };

/** Told every record in order, with what lies beside it: of an answer how the command ended, where that was said. */
export function endings(): (record: LedgerRecord) => Ending | undefined {
  const said = new Map<string, string>();
  return ({ spec, payload }) => {
    if (spec.kind !== "brokered" || spec.event === "request") return undefined;
    const before = said.get(spec.call) ?? "";
    if (spec.event === "stream") said.set(spec.call, before + statusIn(payload));
    else said.delete(spec.call);
    return spec.event === "stream" ? undefined : endingIn(before);
  };
}

/** Of no Status, or of several at once, nothing is known. */
function endingIn(text: string): Ending | undefined {
  const status = objectIn(text);
  if (member(status, "status") === "Success") return { exitCode: 0 };
  const causes = member(member(status, "details"), "causes");
  const cause = Array.isArray(causes)
    ? causes.find((one) => member(one, "reason") === "ExitCode")
    : undefined;
  const code = member(cause, "message");
  if (typeof code === "string" && /^\d{1,9}$/.test(code)) return { exitCode: Number(code) };
  const message = member(status, "message");
  return typeof message === "string" ? { message } : undefined;
}

export function endingWords(ending: Ending | undefined): string {
  if (ending === undefined) return "exit code not known";
  return "exitCode" in ending ? `exit ${ending.exitCode}` : ending.message;
}
