/** A context for commands under test: a kubectl that answers from memory, and a terminal that is a string. */
import type { Approval } from "#core/approval.ts";
import { isAgreed } from "#core/approvers.ts";
import { run } from "../../../cli/app.ts";
import { complete } from "../../../cli/completion/complete.ts";
import type { Context } from "../../../cli/context.ts";
import type { Finished } from "../../../cli/kubectl.ts";

const NOW = Date.parse("2026-11-21T10:00:00Z");
export const DIGEST = "3f9c41d8".repeat(8);

export interface Script {
  approvals?: Approval[];
  records?: object[];
  /** Lines that a watch prints, one watch after the other; after the last the person presses Ctrl-C. */
  watches?: string[][];
  /** Called when all watches are over. */
  onWatched?: () => void;
  /** Each time it has slept; it can be interrupted there. */
  onSlept?: (interrupt: () => void) => Promise<void>;
  /** Answers instead of the approvals where it does not return undefined. */
  answer?: (args: readonly string[], input: string | undefined) => Answered | Promise<Answered>;
  interactive?: boolean;
  color?: boolean;
  /** What the person types. */
  says?: string;
  user?: string;
  /** What the API server knows of the person besides. */
  userInfo?: { extra: Record<string, string[]> };
  /** What the command of `run` does each time it is run, the last one for ever. */
  commands?: ScriptedCommand[];
  /** What stands on standard input. */
  input?: string | Uint8Array;
  /** What the person types where nothing of it is shown, one answer after the other. */
  types?: string[];
  /** The keys that the person presses as soon as they are looked for. */
  keys?: string[];
  /** Kept with the approvals and records. */
  sessions?: object[];
  /** Whether a terminal shows standard output. */
  shown?: boolean;
  /** Of that terminal. */
  width?: number;
  /** Whether a person may read standard error. */
  watched?: boolean;
  /** Milliseconds since the epoch. */
  now?: number;
  environment?: Record<string, string>;
}

/** What it says on standard error, and its exit code. `until`: before it ends. */
export interface ScriptedCommand {
  says?: string;
  code?: number;
  until?: () => Promise<unknown>;
  fails?: Error;
}

/** `said`: warnings, beside its error. */
export type Answered = (Partial<Finished> & { said?: string }) | undefined;

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  /** The question that was asked, "" for none. */
  asked: string;
  /** How kubectl was called. */
  calls: string[][];
  /** What kubectl read, of each call that was given something to read. */
  inputs: string[];
  /** What was written to standard output as it is. */
  bytes: number[];
  /** The bodies of decisions. */
  decisions: unknown[];
  /** The commands that `run` ran, and what each read. */
  commands: { words: string[]; input: string | undefined }[];
}

export async function hoop(args: readonly string[], script: Script = {}): Promise<Ran> {
  const { ran, context } = scripted(script);
  ran.code = await run(args, context);
  return ran;
}

/** What `kubectl hoop WORDS<TAB>` is told. */
export function completions(words: readonly string[], script: Script = {}): Promise<string> {
  return complete(words, scripted(script).context);
}

export function scripted(script: Script): { ran: Ran; context: Context } {
  const ran: Ran = {
    code: 0,
    stdout: "",
    stderr: "",
    asked: "",
    calls: [],
    inputs: [],
    bytes: [],
    decisions: [],
    commands: [],
  };
  const interruption = new AbortController();
  const watches = [...(script.watches ?? [])];
  const hidden = [...(script.types ?? [])];
  const into = (stream: "stdout" | "stderr") => ({
    write: (text: string) => {
      ran[stream] += text;
    },
  });
  const context: Context = {
    process: {
      stdout: into("stdout"),
      stderr: into("stderr"),
      exitCode: null,
    },
    kubectl: {
      run: async (args, options = {}) => {
        ran.calls.push([...args]);
        if (options.input !== undefined) ran.inputs.push(options.input);
        const { said, ...finished } =
          (await script.answer?.(args, options.input)) ?? answer(args, script, ran);
        if (said !== undefined) options.notice?.(said);
        return { code: 0, stdout: "", stderr: "", ...finished };
      },
      async *follow(args) {
        ran.calls.push([...args]);
        yield* watches.shift() ?? [];
        if (watches.length === 0) script.onWatched === undefined ? interruption.abort() : script.onWatched();
        return { code: 0, stdout: "", stderr: "" };
      },
    },
    commands: scriptedCommands(script, ran),
    watched: script.watched ?? false,
    interactive: script.interactive ?? false,
    color: script.color ?? false,
    ask: async (question) => {
      ran.asked = question;
      return script.says ?? "";
    },
    terminal: {
      typed: script.types !== undefined,
      shown: script.shown ?? false,
      width: () => script.width,
    },
    askHidden: async (question) => {
      ran.asked += question;
      return hidden.shift() ?? "";
    },
    keys: (pressed) => {
      for (const key of script.keys ?? []) pressed(key);
      return () => undefined;
    },
    writeBytes: (bytes) => void ran.bytes.push(...bytes),
    lastWords: (text) => {
      ran.stderr += text;
    },
    environment: script.environment ?? {},
    now: () => script.now ?? NOW,
    sleep: async (_, early) => {
      await new Promise((resolve) => setImmediate(resolve));
      await script.onSlept?.(() => interruption.abort());
      if (early?.aborted === true) return;
    },
    signal: interruption.signal,
  };
  return { ran, context };
}

function scriptedCommands(script: Script, ran: Ran): Context["commands"] {
  return {
    input: async () => Buffer.from(script.input ?? ""),
    run: async (words, heard, input) => {
      const command = script.commands?.[ran.commands.length] ?? script.commands?.at(-1) ?? {};
      ran.commands.push({
        words: [...words],
        input: input === undefined ? undefined : Buffer.from(input).toString(),
      });
      if (command.fails !== undefined) throw command.fails;
      await command.until?.();
      const says = command.says ?? "";
      heard(says);
      ran.stderr += says;
      return command.code ?? 0;
    },
  };
}

function answer(args: readonly string[], script: Script, ran: Ran): NonNullable<Answered> {
  const [verb, ...rest] = args;
  if (verb === "auth")
    return json({
      kind: "SelfSubjectReview",
      status: { userInfo: { username: script.user ?? "bob", ...script.userInfo } },
    });
  if (verb === "patch") return decided(args, script, ran);
  const url = new URL(rest[1] ?? "", "https://cluster.invalid");
  const [, namespace, resource, name] =
    /^\/apis\/hoop\.dev\/v1alpha1(?:\/namespaces\/([^/]+))?(?:\/(approvals|records|sessions)(?:\/([^/]+))?)?$/.exec(
      url.pathname,
    ) ?? [];
  if (resource === undefined)
    return json({
      kind: "APIResourceList",
      resources: [{ name: "records", verbs: ["get", "list", "watch"] }],
    });
  if (resource === "records")
    return json({ kind: "RecordList", metadata: { resourceVersion: "7" }, items: script.records ?? [] });
  if (resource === "sessions") return sessionsIn(script, name);
  const inside = (script.approvals ?? []).filter(
    ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
  );
  if (name !== undefined) {
    const found = inside.find(({ metadata }) => metadata.name === name);
    return found === undefined
      ? failed(`Error from server (NotFound): approvals.hoop.dev "${name}" not found`)
      : json(found);
  }
  const [field, value] = (url.searchParams.get("fieldSelector") ?? "").split("=");
  const FIELDS: Record<string, (approval: Approval) => string> = {
    "metadata.name": ({ metadata }) => metadata.name,
    "status.phase": ({ status }) => status.phase,
  };
  const items = inside.filter((approval) => field === "" || FIELDS[field ?? ""]?.(approval) === value);
  return json({ kind: "ApprovalList", metadata: { resourceVersion: "7" }, items });
}

function sessionsIn({ sessions = [] }: Script, name: string | undefined): Partial<Finished> {
  if (name === undefined)
    return json({ kind: "SessionList", metadata: { resourceVersion: "7" }, items: sessions });
  const found = sessions.find(
    (one) => "metadata" in one && JSON.stringify(one.metadata).includes(`"${name}"`),
  );
  return found === undefined
    ? failed(`Error from server (NotFound): sessions.hoop.dev "${name}" not found`)
    : json(found);
}

function decided(args: readonly string[], script: Script, ran: Ran): Partial<Finished> {
  const patch = args.find((arg) => arg.startsWith("--patch=")) ?? "";
  const { decision } = JSON.parse(patch.slice("--patch=".length));
  ran.decisions.push(decision);
  const approval = script.approvals?.find(({ metadata }) => metadata.name === args[2]);
  if (approval === undefined || args.includes("--dry-run=server")) return {};
  const { decisions } = approval.status;
  const user = script.user ?? "bob";
  decisions.push({ user, verdict: decision.verdict, groups: [], time: "2026-11-21T10:00:00Z" });
  if (decision.verdict === "Deny") approval.status.phase = "Denied";
  else if (isAgreed(approval.spec.approvers, decisions)) approval.status.phase = "Approved";
  return {};
}

export function failed(stderr: string): Partial<Finished> {
  return { code: 1, stderr };
}

export function json(value: unknown): Partial<Finished> {
  return { stdout: JSON.stringify(value) };
}

interface Wish {
  name?: string;
  namespace?: string;
  spec?: Partial<Approval["spec"]>;
  status?: Partial<Approval["status"]>;
}

/** An agent wants to delete namespace prod, 4 s ago. */
export function approval({
  name = "delete-ns-prod-7x2k",
  namespace = "hoop-system",
  spec,
  status,
}: Wish = {}): Approval {
  return {
    apiVersion: "hoop.dev/v1alpha1",
    kind: "Approval",
    metadata: {
      name,
      namespace,
      uid: `uid-${namespace}-${name}`,
      creationTimestamp: "2026-11-21T09:59:56Z",
      resourceVersion: "5",
    },
    spec: {
      agent: { username: "dev-claude", groups: ["hoop:agents"] },
      operation: "DELETE",
      target: {
        group: "",
        version: "v1",
        resource: "namespaces",
        kind: "Namespace",
        name: "prod",
        uid: "6f2e",
      },
      rules: [{ name: "protect-namespaces", message: "deletes everything in it" }],
      approvers: [{ groups: [], count: 1 }],
      digest: DIGEST,
      change: { diff: "--- namespaces/prod\n+++ gone\n@@ -1 +0,0 @@\n-kind: Namespace\n" },
      ...spec,
    },
    status: {
      phase: "Pending",
      expiresAt: "2026-11-21T10:59:56Z",
      decisions: [],
      conditions: [],
      ...status,
    },
  };
}

export const approvedBy = (user: string, comment?: string): Partial<Approval["status"]> => ({
  phase: "Approved",
  decisions: [
    {
      ...{ user, verdict: "Approve", groups: [], time: "2026-11-21T09:59:58Z" },
      ...(comment === undefined ? {} : { comment }),
    },
  ],
});
