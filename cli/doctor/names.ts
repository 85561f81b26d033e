/** Completion of `--agent`: the users and ServiceAccounts that bindings name. */
import type { Context } from "../context.ts";

const PATIENCE = "2s";
const SUBJECTS = '{range .items[*].subjects[*]}{.kind}{"\\t"}{.namespace}{"\\t"}{.name}{"\\n"}{end}';

export async function agentNames(this: Context): Promise<readonly string[]> {
  if (this.completing === undefined) return [];
  const { connectionArgs } = await import("../api.ts");
  const how = [...connectionArgs(this.completing.connection), `--request-timeout=${PATIENCE}`];
  const what = [
    "get",
    "clusterrolebindings,rolebindings",
    "--all-namespaces",
    `--output=jsonpath=${SUBJECTS}`,
  ];
  const { code, stdout } = await this.kubectl.run([...what, ...how]);
  if (code !== 0) return [];
  const names = stdout.split("\n").flatMap((line) => {
    const [kind, namespace, name] = line.split("\t");
    if (name === undefined || name.startsWith("system:")) return [];
    if (kind === "User") return [name];
    // The control plane's own are never agents.
    return kind === "ServiceAccount" && namespace !== "kube-system" ? [`${namespace}/${name}`] : [];
  });
  return [...new Set(names)].sort();
}
