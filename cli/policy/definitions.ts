/** The CustomResourceDefinitions of what policy authors write, as this plugin was shipped with them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import type { Structural } from "#core/policy/structural.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "deploy", "base");
const FILES = { AgentPolicy: "agent-policies.yaml", AgentProfile: "agent-profiles.yaml" };

export interface Definitions {
  AgentPolicy: Structural;
  AgentProfile: Structural;
}

interface Definition {
  spec: { versions: [{ schema: { openAPIV3Schema: Structural } }] };
}

export async function shippedDefinitions(): Promise<Definitions> {
  return {
    AgentPolicy: await schemaIn(FILES.AgentPolicy),
    AgentProfile: await schemaIn(FILES.AgentProfile),
  };
}

async function schemaIn(file: string): Promise<Structural> {
  const { spec } = parse(await readFile(join(FOLDER, file), "utf8")) as Definition;
  return spec.versions[0].schema.openAPIV3Schema;
}
