/** What `kubectl hoop doctor` takes and says about itself. */
import { buildCommand } from "@stricli/core";
import { SEVERITIES } from "#core/doctor/finding.ts";
import type { DoctorFlags } from "../commands/doctor.ts";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { aliases, connectionFlags } from "../flags.ts";
import { agentNames } from "./names.ts";

export const doctor = buildCommand<DoctorFlags, [], Context>({
  loader: async () => (await import("../commands/doctor.ts")).doctor,
  parameters: {
    flags: {
      agent: {
        kind: "parsed",
        parse: String,
        brief: "Only this agent: user name, or NAMESPACE/NAME of a ServiceAccount",
        placeholder: "NAME",
        optional: true,
        proposeCompletions: agentNames,
      },
      group: {
        kind: "parsed",
        parse: String,
        brief: "A group the agent belongs to; without --agent, any member of it",
        placeholder: "NAME",
        optional: true,
        variadic: true,
      },
      agentKubeconfig: {
        kind: "parsed",
        parse: String,
        brief: "Kubeconfig file of an agent: who it is, and a dry run in its name",
        placeholder: "FILE",
        optional: true,
      },
      failOn: {
        kind: "enum",
        values: SEVERITIES,
        brief: "Exit with 1 from this severity on",
        default: "high",
      },
      output: { kind: "enum", values: ["text", "json", "sarif"], brief: "Output format", default: "text" },
      ...connectionFlags,
    },
    aliases,
  },
  docs: {
    brief: "Find the ways around Hoop that are open to agents",
    customUsage: ["[--agent NAME] [--group NAME]... [--fail-on SEVERITY] [-o FORMAT]"],
    fullDescription: description(
      "Ask the API server, for each agent, every way around Hoop that can be asked about: what it may do that admission\n" +
        "never sees, by which binding and which rule, and how to close it; and whether Hoop's registrations are as they\n" +
        "should be. Nothing is changed. Exit code 0: nothing from --fail-on on; 1: something; 2: it could not all be checked.",
      [
        ["Everybody who is an agent", "kubectl hoop doctor"],
        ["One, with the groups of its certificate", "kubectl hoop doctor --agent ci --group hoop:agents"],
        ["In a pipeline", "kubectl hoop doctor --fail-on medium -o sarif > doctor.sarif"],
      ],
    ),
  },
});
