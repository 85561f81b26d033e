/** The path itself, walked by an agent's write and a person's decision: only this shows that it holds. */
import { randomBytes } from "node:crypto";
import type { Approval } from "#core/approval.ts";
import { takesOnePerson } from "#core/approvers.ts";
import { CommandError } from "../failure.ts";
import type { Finished } from "../kubectl.ts";
import { AROUND, may, verdicts } from "./access.ts";
import { type Finding, failed, notChecked, type Probe, passed, refused, type Step, warning } from "./step.ts";

type Agent = NonNullable<Probe["agent"]>;

const WITHOUT_AGENT = "not without an agent's rights: give --agent-kubeconfig FILE";
const ROLES = { group: "rbac.authorization.k8s.io", resource: "roles" };
/** The API server never deletes these, whoever asks. */
const IMMORTAL = ["default", "kube-system", "kube-public"];

const FOUND = ["API server", "API", "registration", "certificates"];

/** What the steps after the first share: made anew for each check. */
export function canarySteps(): Step[] {
  const name = `hoop-check-${randomBytes(4).toString("hex")}`;
  let approval: Approval | undefined;
  return [
    agentStep("ways around", FOUND, waysAround),
    agentStep("dry run", FOUND, (probe, agent) => dryRun(probe, agent, name)),
    agentStep("stamped", [...FOUND, "stamps", "dry run"], (probe, agent) => stamped(probe, agent, name)),
    agentStep("hold and release", [...FOUND, "dry run"], async (probe, agent) => {
      const result = await holdAndRelease(probe, agent, name);
      approval = result.approval;
      return result.finding;
    }),
    agentStep("record", ["hold and release"], (probe) => recorded(probe, approval)),
  ];
}

function agentStep(
  name: string,
  after: readonly string[],
  look: (probe: Probe, agent: Agent) => Promise<Finding>,
): Step {
  return {
    name,
    after,
    retried: false,
    look: async (probe) => {
      if (probe.agent === undefined) return notChecked(WITHOUT_AGENT);
      try {
        return await look(probe, probe.agent);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        return isUnreachable(error.message) ? unreachable(error.message) : notChecked(error.message);
      }
    },
  };
}

/** Refused for want of Hoop, in kube-apiserver's words. */
function isUnreachable(message: string): boolean {
  return message.includes("failed calling webhook");
}

function unreachable(message: string): Finding {
  return failed(
    "HOOP-011",
    message.slice(message.indexOf("failed calling webhook")).split("\n")[0] ?? message,
  );
}

async function waysAround(_: Probe, { cluster }: Agent): Promise<Finding> {
  const answers = await verdicts(cluster, AROUND);
  const open = AROUND.filter((_, at) => answers[at]?.allowed).map(({ says }) => says);
  if (open.length > 0)
    return failed("HOOP-016", `the agent may, and Hoop's webhook never sees it: ${open.join("; ")}`);
  if (!answers.some(({ denied }) => denied))
    return warning(
      "HOOP-022",
      "the agent's RBAC closes each way around Hoop that is looked for, and nothing else does",
    );
  return passed("the agent can neither read Secrets nor act as somebody else, nor undo Hoop");
}

/** Whether the API server really does what the registrations say. */
async function stamped({ namespace }: Probe, { cluster }: Agent, name: string): Promise<Finding> {
  const [creates] = await may(cluster, [{ verb: "create", group: "", resource: "configmaps", namespace }]);
  if (!creates) return notChecked(`this agent may not create ConfigMaps in namespace ${namespace}`);
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } };
  const stamp = "--output=jsonpath={.metadata.annotations.hoop\\.dev/agent}";
  const args = ["create", "--filename=-", "--dry-run=server", stamp];
  const { code, stdout, stderr } = await heard(cluster, args, JSON.stringify(object));
  if (isUnreachable(stderr)) return unreachable(stderr);
  if (code !== 0) return notChecked(`creating a ConfigMap (dry run) was refused: ${stderr}`);
  if (stdout.trim() !== "") return passed(`a dry run of what this agent writes is stamped ${stdout.trim()}`);
  return failed(
    "HOOP-019",
    "a dry run of what this agent writes comes back without the annotation hoop.dev/agent",
  );
}

/** What the agent may do that is held for sure. */
async function dryRun({ namespace }: Probe, { cluster }: Agent, name: string): Promise<Finding> {
  const [deletes, creates] = await may(cluster, [
    { verb: "delete", group: "", resource: "namespaces", namespace },
    { verb: "create", ...ROLES, namespace },
  ]);
  if (deletes && !IMMORTAL.includes(namespace)) {
    const args = ["delete", "namespace", namespace, "--dry-run=server"];
    return judged(cluster, await heard(cluster, args), `deleting namespace ${namespace}`);
  }
  if (!creates) return notChecked(cannotCreate(namespace));
  const args = ["create", "--filename=-", "--dry-run=server"];
  return judged(
    cluster,
    await heard(cluster, args, role(namespace, name)),
    `creating a Role in ${namespace}`,
  );
}

function cannotCreate(namespace: string): string {
  return `this agent may not create Roles in namespace ${namespace}, which is what the canary is; name another one with -n`;
}

/** A Role that allows nothing. Writing Roles is held. */
function role(namespace: string, name: string): string {
  return JSON.stringify({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name, namespace, annotations: { "hoop.dev/reason": "kubectl hoop check" } },
    rules: [],
  });
}

interface Heard extends Finished {
  /** Warnings. */
  said: string;
}

async function heard(cluster: Agent["cluster"], args: readonly string[], input?: string): Promise<Heard> {
  let said = "";
  const notice = (text: string) => {
    said += text;
  };
  const finished = await cluster.tried(args, { notice, ...(input === undefined ? {} : { input }) });
  return { ...finished, said };
}

async function judged(
  cluster: Agent["cluster"],
  { code, stderr, said }: Heard,
  what: string,
): Promise<Finding> {
  if (isUnreachable(stderr)) return unreachable(stderr);
  if (code !== 0) return notChecked(`${what} (dry run) was refused, not judged: ${stderr}`);
  if (said.includes("would wait for a human"))
    return passed(`a dry run of ${what} says that it would wait for a human`);
  const who = await cluster.kubectl([
    "auth",
    "whoami",
    "--output=jsonpath={.status.userInfo.username} {.status.userInfo.groups}",
  ]);
  return failed(
    "HOOP-010",
    `a dry run of ${what} passed without a word: is this an agent? The API server knows it as ${who}`,
  );
}

const HELD_WITHIN_MILLISECONDS = 30_000;
const LOOK_EVERY_MILLISECONDS = 300;

async function holdAndRelease(
  probe: Probe,
  { cluster }: Agent,
  name: string,
): Promise<{ finding: Finding; approval?: Approval }> {
  const { namespace, flags } = probe;
  if (flags.as !== undefined)
    return { finding: notChecked("a decision is made in one's own name: leave out --as") };
  const [[creates], [removes]] = await Promise.all([
    may(cluster, [{ verb: "create", ...ROLES, namespace }]),
    may(probe.cluster, [{ verb: "delete", ...ROLES, namespace }]),
  ]);
  if (!creates) return { finding: notChecked(cannotCreate(namespace)) };
  if (!removes)
    return {
      finding: notChecked(`you may not delete Roles in namespace ${namespace}, so a canary would stay there`),
    };
  const over = new AbortController();
  const input = role(namespace, name);
  let ended: Finished | undefined;
  const write = cluster
    .tried(["create", "--filename=-"], { input, notice: () => undefined, signal: over.signal })
    .then((finished) => {
      ended = finished;
    });
  try {
    const approval = await appears(probe, name, () => ended !== undefined);
    if (approval === undefined) return { finding: notHeld(name, ended) };
    const refusal = await approve(probe, approval);
    if (refusal !== undefined) return { finding: refusal };
    await write;
    const said = ended?.stderr ?? "";
    if (ended?.code !== 0)
      return { finding: failed("HOOP-014", `${approval.metadata.name} is approved, but: ${said}`) };
    const what = `role ${name} in namespace ${namespace}`;
    return { finding: passed(`${what} was held, approved by you, and then created`), approval };
  } finally {
    over.abort();
    await write.catch(() => undefined);
    await probe.cluster.tried(["delete", "role", name, `--namespace=${namespace}`, "--ignore-not-found"]);
  }
}

function notHeld(name: string, ended: Finished | undefined): Finding {
  if (ended === undefined) return failed("HOOP-012", `no approval for role ${name} appeared`);
  if (isUnreachable(ended.stderr)) return unreachable(ended.stderr);
  return failed("HOOP-012", ended.code === 0 ? `role ${name} was created without approval` : ended.stderr);
}

async function appears(probe: Probe, name: string, over: () => boolean): Promise<Approval | undefined> {
  const { api, namespace, context } = probe;
  for (const deadline = context.now() + HELD_WITHIN_MILLISECONDS; context.now() < deadline && !over(); ) {
    const { items } = await api.list("approvals", namespace, "status.phase=Pending");
    const found = items.find(({ spec }) => spec.target.name === name);
    if (found !== undefined) return found;
    await context.sleep(LOOK_EVERY_MILLISECONDS);
  }
  return undefined;
}

async function approve(
  { api, namespace }: Probe,
  { metadata, spec }: Approval,
): Promise<Finding | undefined> {
  try {
    const decision = { verdict: "Approve", comment: "kubectl hoop check", digest: spec.digest } as const;
    await api.decide(namespace, metadata.name, decision, false);
    if (takesOnePerson(spec.approvers)) return undefined;
    const { status } = await api.approval(namespace, metadata.name);
    return status.phase === "Pending"
      ? notChecked(`${metadata.name} waits for other people as well`)
      : undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return failed("HOOP-013", `${metadata.name} was held, but you could not approve it: ${error.message}`);
  }
}

async function recorded({ api, namespace }: Probe, approval: Approval | undefined): Promise<Finding> {
  if (approval === undefined) return notChecked("nothing was held");
  try {
    const { name } = approval.metadata;
    const { items } = await api.list("records", namespace, `spec.approval.name=${name}`);
    const spent = items.find(({ spec }) => spec.kind === "admission" && spec.approval?.use === "spent");
    if (spent === undefined) return failed("HOOP-015", `no record says that ${name} was used`);
    return passed(`record ${spent.metadata.name} says that ${name} was used`);
  } catch (error) {
    return refused(error, "HOOP-015");
  }
}
