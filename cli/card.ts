/** One approval in full: all that a person needs to decide on it. */
import type { Approval } from "#core/approval.ts";
import { printable } from "#core/printable.ts";
import { age, remaining } from "./ages.ts";
import { toJson } from "./json.ts";
import { approversWords, operationWords, stateWords, targetWords } from "./wording.ts";

export interface CardOptions {
  /** Milliseconds since the epoch. */
  now: number;
  color: boolean;
}

/** Everything indented by two is from outside: no text of an agent can pass for one of our lines. */
export function card(approval: Approval, { now, color }: CardOptions): string {
  const { metadata, spec, status } = approval;
  const { agent, target, change, supersedes } = spec;
  const credential = agent.credentialID === undefined ? "" : ` (credential ${agent.credentialID})`;
  const of = [target.kind, ...(target.uid ? [`uid ${target.uid}`] : [])].join(", ");
  return [
    line("Name", metadata.name),
    line("Namespace", metadata.namespace),
    line("State", stateWords(approval, now)),
    line("Agent", `${agent.username}${credential}`),
    line("Groups", agent.groups.join(", ")),
    ...sessionLines(agent.session),
    ...(spec.reason === undefined ? [] : [line("Agent says", spec.reason)]),
    line("Operation", operationWords(spec.operation, target)),
    line("Target", `${targetWords(target)} (${of})`),
    ...(target.namespace ? [line("In", `namespace ${target.namespace}`)] : []),
    line("Decided by", approversWords(spec.approvers)),
    line("Requested", `${age(metadata.creationTimestamp, now)} ago (${metadata.creationTimestamp})`),
    line("Expires", `${remaining(status.expiresAt, now)} (${status.expiresAt})`),
    line("Digest", spec.digest),
    ...(spec.reapproves === undefined ? [] : [line("Again", `the same as ${spec.reapproves}`)]),
    ...section(
      "Rules",
      spec.rules.map(({ name, message }) => `${name}: ${message}`),
    ),
    ...section(
      "Decisions",
      status.decisions.map((decision) => decisionWords(decision, now)),
    ),
    ...section("Conditions", status.conditions.map(conditionWords)),
    // An agent's command: not one line of ours, and its options say no more.
    ...(change.wants === undefined
      ? section("Options", optionLines(change.options))
      : section("Wants to", change.wants.split("\n"))),
    ...section("Refers to", (change.refersTo ?? []).flatMap(referredLines)),
    ...block("Change", change.diff, color),
    ...(supersedes === undefined
      ? []
      : block(`Supersedes ${printable(supersedes.name)}, from which it differs in`, supersedes.diff, color)),
  ].join("\n");
}

/** A unified diff, each line marked by its sign, and by its colour where wanted. Fit for a terminal. */
export function diffLines(diff: string, color: boolean): string[] {
  const lines = printable(diff.trimEnd(), { multiline: true }).split("\n");
  return color ? lines.map(colored) : lines;
}

function sessionLines(session: Approval["spec"]["agent"]["session"]): string[] {
  if (session === undefined) return [];
  const { namespace, name, profile, actingAs } = session;
  return [line("Session", `${namespace}/${name} (profile ${profile})`), line("Acts as", actingAs)];
}

const LABEL_WIDTH = 13;

function line(label: string, value: string): string {
  return `${`${label}:`.padEnd(LABEL_WIDTH)}${printable(value) || "<none>"}`;
}

function section(label: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`${label}:`, ...items.map((item) => `  ${printable(item)}`)];
}

/** Beyond these it is said how many there are, so that nobody takes a part for the whole. */
const MANY_LINES = 40;

function block(label: string, diff: string, color: boolean): string[] {
  if (diff.trim() === "") return [];
  const lines = diffLines(diff, color).map((text) => `  ${text}`);
  return [`${label}${lines.length > MANY_LINES ? ` (${lines.length} lines)` : ""}:`, ...lines];
}

function decisionWords(decision: Approval["status"]["decisions"][number], now: number): string {
  const did = decision.verdict === "Approve" ? "approved" : "denied";
  const comment = decision.comment === undefined || decision.comment === "" ? "" : `: ${decision.comment}`;
  return `${decision.user} ${did} ${age(decision.time, now)} ago${comment}`;
}

/** As it was when it was asked. */
function referredLines({
  kind,
  namespace,
  name,
  resourceVersion,
  exists,
  rights,
}: NonNullable<Approval["spec"]["change"]["refersTo"]>[number]): string[] {
  const what = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  if (!exists) return [`${what}, which does not exist`];
  if (resourceVersion !== undefined) return [`${what}, at resourceVersion ${resourceVersion}`];
  if (rights === undefined) return [what];
  if (rights.length === 0) return [`${what}, which allows nothing`];
  return [`${what}, which allows`, ...rights.map((right) => `  ${right}`)];
}

function conditionWords({ type, status, reason, message }: Approval["status"]["conditions"][number]): string {
  return `${type}=${status} (${reason}): ${message}`;
}

function optionLines(options: unknown): string[] {
  const empty = options === undefined || options === null || Object.keys(options).length === 0;
  return empty ? [] : toJson(options).trimEnd().split("\n");
}

const ESCAPE = "\u001b[";
const PLAIN = `${ESCAPE}0m`;

/** The first whose sign a line begins with. */
const COLORS: readonly (readonly [sign: string, code: string])[] = [
  ["@@", "36m"],
  ["+", "32m"],
  ["-", "31m"],
];

/** The two lines that head a diff look like changed lines, and changed lines may look like them. */
const HEADS = ["--- ", "+++ "];

function colored(text: string, at: number): string {
  const head = HEADS[at];
  const code =
    head !== undefined && text.startsWith(head) ? "1m" : COLORS.find(([sign]) => text.startsWith(sign))?.[1];
  return code === undefined ? text : `${ESCAPE}${code}${text}${PLAIN}`;
}
