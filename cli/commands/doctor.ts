/** `kubectl hoop doctor`: every way around Hoop that can be asked about, for each agent. */
import { examine } from "#core/doctor/examine.ts";
import { atLeast, type Report, ranked, type Severity } from "#core/doctor/finding.ts";
import type { Agent } from "#core/doctor/identities.ts";
import { type Cluster, clusterOf } from "../cluster.ts";
import type { Context } from "../context.ts";
import { agentOf, dryRun, whoIs } from "../doctor/agent.ts";
import { doctorPort } from "../doctor/port.ts";
import { sarifOf } from "../doctor/sarif.ts";
import { textOf } from "../doctor/text.ts";
import { CommandError, errorLine } from "../failure.ts";
import { type ConnectionFlags, NO_CONNECTION } from "../flags.ts";
import { toJson } from "../json.ts";

export interface DoctorFlags extends ConnectionFlags {
  readonly agent: string | undefined;
  readonly group: readonly string[] | undefined;
  readonly agentKubeconfig: string | undefined;
  readonly failOn: Severity;
  readonly output: "text" | "json" | "sarif";
}

const FOUND = 1;
const NOT_CHECKED = 2;

export async function doctor(this: Context, flags: DoctorFlags): Promise<void> {
  try {
    const report = await reportFor(this, flags);
    this.process.stdout.write(await written(report, flags.output));
    const found = report.findings.some(({ severity }) => atLeast(severity, flags.failOn));
    const incomplete = report.notChecked.some(({ could }) => could);
    this.process.exitCode = found ? FOUND : incomplete ? NOT_CHECKED : 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    this.process.stderr.write(`${errorLine(error)}\n`);
    this.process.exitCode = NOT_CHECKED;
  }
}

async function reportFor(context: Context, flags: DoctorFlags): Promise<Report> {
  const progress = (text: string) => {
    if (context.watched) context.process.stderr.write(`hoop doctor: ${text}\n`);
  };
  const cluster = clusterOf(context.kubectl, flags);
  const own = agentCluster(context, flags);
  const agent = own === undefined ? undefined : await whoIs(own);
  const agents = agent === undefined ? agentOf(flags.agent, flags.group ?? []) : [agent];
  const report = await examine(doctorPort(cluster, progress), agents);
  return own === undefined || agent === undefined ? report : withDryRun(report, own, agent, flags);
}

/** The same cluster, as the agent: its file says all about it. */
function agentCluster(context: Context, { agentKubeconfig: kubeconfig, requestTimeout }: DoctorFlags) {
  return kubeconfig === undefined
    ? undefined
    : clusterOf(context.kubectl, { ...NO_CONNECTION, requestTimeout, kubeconfig });
}

async function withDryRun(report: Report, own: Cluster, agent: Agent, flags: DoctorFlags): Promise<Report> {
  const tried = await dryRun(own, agent, flags.namespace ?? "default");
  if (tried === undefined) return report;
  if ("notChecked" in tried) return { ...report, notChecked: [tried.notChecked, ...report.notChecked] };
  return { ...report, findings: ranked([tried.finding, ...report.findings]) };
}

async function written(report: Report, output: DoctorFlags["output"]): Promise<string> {
  switch (output) {
    case "json":
      return toJson(report);
    case "sarif": {
      const { pluginVersion } = await import("./version.ts");
      return toJson(sarifOf(report, await pluginVersion()));
    }
    case "text":
      return textOf(report);
    default:
      return output satisfies never;
  }
}
