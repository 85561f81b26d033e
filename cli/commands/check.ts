/** `kubectl hoop check`: the whole path of a held write, one plain line a step. */
import { printable } from "#core/printable.ts";
import { hoopApi } from "../api.ts";
import { canarySteps } from "../check/canary.ts";
import { CODES, pageOf } from "../check/codes.ts";
import { INSTALLED } from "../check/installed.ts";
import { type Finding, notChecked, type Probe, type Step } from "../check/step.ts";
import { clusterOf } from "../cluster.ts";
import type { Context } from "../context.ts";
import { type ConnectionFlags, NO_CONNECTION } from "../flags.ts";
import { toJson } from "../json.ts";

export interface CheckFlags extends ConnectionFlags {
  /** Milliseconds. */
  readonly wait: number;
  readonly agentKubeconfig: string | undefined;
  readonly output: "json" | undefined;
}

type Found = Finding & { step: string };

const RETRY_EVERY_MILLISECONDS = 2_000;

export async function check(this: Context, flags: CheckFlags): Promise<void> {
  const probe = probeFor(this, flags);
  const deadline = this.now() + flags.wait;
  const found: Found[] = [];
  for (const step of [...INSTALLED, ...canarySteps()]) {
    const finding = await lookedAt(probe, step, found, deadline);
    found.push({ step: step.name, ...finding });
    if (flags.output === undefined) this.process.stdout.write(lineFor(step, finding));
    if (this.signal.aborted) return;
  }
  const ok = found.every(({ state }) => state !== "failed");
  this.process.stdout.write(
    flags.output === "json" ? toJson({ ok, steps: found.map(withPage) }) : summary(found),
  );
  this.process.exitCode = ok ? 0 : 1;
}

function probeFor(context: Context, flags: CheckFlags): Probe {
  // An agent's file says all about the agent: which cluster, as whom.
  const { namespace, requestTimeout } = flags;
  const agentFlags = { ...NO_CONNECTION, requestTimeout, kubeconfig: flags.agentKubeconfig };
  return {
    context,
    flags,
    cluster: clusterOf(context.kubectl, flags),
    api: hoopApi(context.kubectl, flags),
    agent:
      flags.agentKubeconfig === undefined
        ? undefined
        : { flags: agentFlags, cluster: clusterOf(context.kubectl, agentFlags) },
    namespace: namespace ?? "default",
  };
}

async function lookedAt(
  probe: Probe,
  step: Step,
  before: readonly Found[],
  deadline: number,
): Promise<Finding> {
  const { context } = probe;
  const missing = before.find((one) => one.state === "failed" && step.after.includes(one.step));
  if (missing !== undefined) return notChecked(`not before "${missing.step}" is right`);
  for (;;) {
    const finding = await step.look(probe);
    const again = finding.state === "failed" && step.retried && context.now() < deadline;
    if (!again || context.signal.aborted) return finding;
    await context.sleep(RETRY_EVERY_MILLISECONDS);
  }
}

const MARKS: Record<Finding["state"], string> = {
  passed: "ok",
  failed: "FAILED",
  warning: "warning",
  "not-checked": "unknown",
};
const INDENT = " ".repeat(9);

function lineFor({ name }: Step, finding: Finding): string {
  const line = `${MARKS[finding.state].padEnd(INDENT.length)}${printable(`${name}: ${finding.says}`)}\n`;
  if (!("code" in finding)) return line;
  const { code } = finding;
  return `${line}${INDENT}${code}: ${CODES[code]}; see ${pageOf(code)}\n`;
}

function withPage(found: Found): object {
  return "code" in found ? { ...found, page: pageOf(found.code) } : found;
}

function summary(found: readonly Found[]): string {
  const count = (wanted: Finding["state"]) => found.filter(({ state }) => state === wanted).length;
  const warnings = count("warning");
  const parts = [
    `${count("passed")} right`,
    ...(warnings === 0 ? [] : [`${warnings} with a warning`]),
    `${count("failed")} wrong`,
    `${count("not-checked")} not checked`,
  ];
  return `${parts.join(", ")}.\n`;
}
