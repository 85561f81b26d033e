/** The recipes of the policy cookbook, as they stand there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Recipe {
  title: string;
  /** The YAML of its code blocks: what is to be applied, then its test. */
  blocks: string[];
}

const COOKBOOK = join(import.meta.dirname, "..", "..", "docs", "guides", "policy-cookbook.md");

export function recipes(): Recipe[] {
  const [, ...sections] = readFileSync(COOKBOOK, "utf8").split(/^## /m);
  return sections.map((section) => ({
    title: section.slice(0, section.indexOf("\n")),
    blocks: [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml = ""]) => yaml),
  }));
}
