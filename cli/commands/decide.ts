/** `kubectl hoop approve NAME…`, `deny NAME…` and `reapprove NAME…`. */
import type { Approval, Phase } from "#core/approval.ts";
import { missingWords, takesOnePerson } from "#core/approvers.ts";
import { printable } from "#core/printable.ts";
import { phaseAt } from "#core/transitions.ts";
import { type Api, type Decision, hoopApi, type Made } from "../api.ts";
import { card } from "../card.ts";
import type { Context } from "../context.ts";
import { ApiError, CommandError, errorLine } from "../failure.ts";
import { findApproval } from "../find.ts";
import type { ColorFlag, ConnectionFlags, DecisionFlags } from "../flags.ts";
import { approvalReference, colorWanted, formatted } from "../printing.ts";
import { operationWords, stateWords, targetWords } from "../wording.ts";

interface DecideFlags extends ConnectionFlags, ColorFlag, DecisionFlags {
  readonly message: string | undefined;
}

export interface DenyFlags extends DecideFlags {
  readonly message: string;
}

export interface ApproveFlags extends DecideFlags {
  readonly yes: boolean;
}

export async function approve(
  this: Context,
  flags: ApproveFlags,
  ...names: string[]
): Promise<Error | undefined> {
  return letThrough(this, flags, names, { verb: "approve", verdict: "Approve", done: "approved" });
}

export async function reapprove(
  this: Context,
  flags: ApproveFlags,
  ...names: string[]
): Promise<Error | undefined> {
  return letThrough(this, flags, names, { verb: "reapprove", verdict: "Reapprove", done: "approved again" });
}

async function letThrough(
  context: Context,
  flags: ApproveFlags,
  names: readonly string[],
  { verb, verdict, done }: Pick<Verb, "verdict" | "done"> & { verb: string },
): Promise<Error | undefined> {
  const reviewed = flags.yes || flags.digest !== undefined || flags.dryRun !== "none";
  if (!context.interactive && !reviewed)
    return new CommandError(
      `${verb} asks on a terminal, and this is none: pass --yes, or --digest with the digest that was reviewed ` +
        "(kubectl hoop show NAME)",
    );
  const asks = context.interactive && !flags.yes && flags.dryRun === "none";
  const confirm = async (approval: Approval) => !asks || confirmed(context, flags, approval, verb);
  return decideAll(context, flags, names, { verdict, done, confirm });
}

export async function deny(
  this: Context,
  flags: DecideFlags,
  ...names: string[]
): Promise<Error | undefined> {
  return decideAll(this, flags, names, { verdict: "Deny", done: "denied", confirm: async () => true });
}

interface Verb {
  verdict: Decision["verdict"];
  /** As in `approval.hoop.dev/NAME approved`. */
  done: string;
  confirm(approval: Approval): Promise<boolean>;
}

/** One after the other; one that fails does not keep the others from being decided. */
async function decideAll(
  context: Context,
  flags: DecideFlags,
  names: readonly string[],
  verb: Verb,
): Promise<Error | undefined> {
  if (flags.as !== undefined || flags.asGroup !== undefined)
    return new CommandError(
      "a decision is made in one's own name, so --as and --as-group are refused here: Hoop could not tell who " +
        "decided. Use the approver's own --context, --user or --kubeconfig",
    );
  if (flags.digest !== undefined && names.length > 1)
    return new CommandError("--digest binds one approval: name only that one");
  const api = hoopApi(context.kubectl, flags);
  const failures: CommandError[] = [];
  for (const name of names) {
    try {
      await decideOne(context, api, flags, verb, await findApproval(api, flags.namespace, name));
    } catch (error) {
      if (!(error instanceof CommandError) || context.signal.aborted) throw error;
      failures.push(error);
    }
  }
  for (const failure of failures.slice(0, -1)) context.process.stderr.write(`${errorLine(failure)}\n`);
  return failures.at(-1);
}

async function decideOne(
  context: Context,
  api: Api,
  flags: DecideFlags,
  verb: Verb,
  approval: Approval,
): Promise<void> {
  requireDigest(approval, flags.digest);
  const { namespace, name } = approval.metadata;
  const report = async (note: string, shown = name) => {
    const written =
      flags.output === undefined || flags.output === "name" ? approval : await api.approval(namespace, shown);
    const text = await formatted(flags.output, written, [approvalReference({ metadata: { name: shown } })]);
    context.process.stdout.write(
      text ?? `${printable(`${approvalReference(approval)} ${verb.done}${note}`)}\n`,
    );
  };
  if (await repeats(api, approval, verb, context.now())) return report(" (already, by you)");
  if (!(await verb.confirm(approval)))
    throw new CommandError(`${name} was not ${verb.done}: you did not say yes`);
  if (flags.dryRun === "client") return report(" (dry run)");
  try {
    const made = await api.decide(
      namespace,
      name,
      decisionOf(approval, flags, verb),
      flags.dryRun === "server",
    );
    if (made !== undefined && flags.dryRun === "none") return report(madeWords(made), made.name);
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== "Conflict") throw error;
    // Somebody was faster: perhaps this person, in another window.
    if (await repeats(api, await api.approval(namespace, name), verb, context.now()))
      return report(" (already, by you)");
    throw error;
  }
  return report(flags.dryRun === "server" ? " (server dry run)" : await stillMissing(api, approval, verb));
}

function decisionOf({ spec }: Approval, flags: DecideFlags, { verdict }: Verb): Decision {
  const comment = flags.message === undefined || flags.message === "" ? {} : { comment: flags.message };
  return { verdict, ...comment, digest: spec.digest };
}

function requireDigest({ metadata, spec }: Approval, digest: string | undefined): void {
  if (digest === undefined || spec.digest.startsWith(digest)) return;
  throw new CommandError(
    `${metadata.name} has the digest ${spec.digest}, not ${digest}: it is not what was reviewed. ` +
      `Look again: kubectl hoop show ${metadata.name} -n ${metadata.namespace}`,
  );
}

/** The phases in which a decision still says what it said. */
const STANDS = {
  Approve: ["Pending", "Approved", "Used"],
  Deny: ["Denied"],
  Reapprove: [],
} satisfies Record<Decision["verdict"], Phase[]>;

/** The phases in which it can be said at all. */
const TIMELY: Record<Decision["verdict"], readonly Phase[]> = {
  Approve: ["Pending"],
  Deny: ["Pending"],
  Reapprove: ["Used", "Expired"],
};

/** Whether this person has said exactly this before, and it stands. Throws when it is too late to say anything. */
async function repeats(api: Api, approval: Approval, { verdict }: Verb, now: number): Promise<boolean> {
  const phase = phaseAt(approval, now);
  const stands: readonly Phase[] = STANDS[verdict];
  const same = approval.status.decisions.filter((decision) => decision.verdict === verdict);
  if (same.length > 0 && stands.includes(phase)) {
    const me = await api.whoAmI();
    if (same.some(({ user }) => user === me?.username)) return true;
  }
  if (TIMELY[verdict].includes(phase)) return false;
  const { name } = approval.metadata;
  const state = stateWords(approval, now);
  if (verdict === "Reapprove")
    throw new CommandError(`${name} cannot be approved again, as only what is Used or Expired can: ${state}`);
  throw new CommandError(`${name} can no longer be decided: ${state}${AFTER[phase]}`);
}

/** What a person can do about it. */
const AFTER: Record<Phase, string> = {
  Pending: "",
  Approved: "",
  Denied: "",
  Used: "; if it took no effect: kubectl hoop reapprove",
  Expired: "; if the agent asks again, a new one appears",
  Superseded: "; the agent has asked for something newer: kubectl hoop pending",
  Void: "; what it was about has changed. If the agent asks again, a new one appears",
};

function madeWords({ name, phase }: Made): string {
  const waits = phase === "Pending" ? "; it still waits for other people" : "";
  return `, as ${approvalReference({ metadata: { name } })}${waits}`;
}

async function stillMissing(api: Api, { metadata, spec }: Approval, { verdict }: Verb): Promise<string> {
  if (verdict === "Deny" || takesOnePerson(spec.approvers)) return "";
  const { status } = await api.approval(metadata.namespace, metadata.name);
  if (status.phase !== "Pending") return "";
  return ` (it still waits for other people: ${missingWords(spec.approvers, status.decisions)})`;
}

async function confirmed(
  context: Context,
  flags: DecideFlags,
  approval: Approval,
  verb: string,
): Promise<boolean> {
  const options = { now: context.now(), color: colorWanted(context, flags) };
  context.process.stdout.write(`${card(approval, options)}\n\n`);
  const { operation, target, agent } = approval.spec;
  const where = target.namespace ? ` in namespace ${target.namespace}` : "";
  const what = printable(
    `${operationWords(operation, target)} ${targetWords(target)}${where} for ${agent.username}`,
  );
  const question = `${verb.charAt(0).toUpperCase()}${verb.slice(1)} ${what}? [y/N] `;
  return /^y(es)?$/i.test((await context.ask(question)).trim());
}
