/** As whom a command talks to which cluster, read off its own words: what it waits for is looked for there. */
import { basename } from "node:path";
import type { ConnectionFlags } from "../flags.ts";

type Known = "kubeconfig" | "context" | "cluster" | "user" | "server" | "namespace";

const KUBECTL: Readonly<Record<string, Known>> = {
  "--kubeconfig": "kubeconfig",
  "--context": "context",
  "--cluster": "cluster",
  "--user": "user",
  "--server": "server",
  "-s": "server",
  "--namespace": "namespace",
  "-n": "namespace",
};

/** Other programs use the same words for something else. */
const PROGRAMS: Readonly<Record<string, Readonly<Record<string, Known>>>> = {
  kubectl: KUBECTL,
  oc: KUBECTL,
  helm: {
    "--kubeconfig": "kubeconfig",
    "--kube-context": "context",
    "--namespace": "namespace",
    "-n": "namespace",
  },
};

/** `given` comes first; what is not said anywhere is up to the environment, for the command as for us. */
export function connectionOf(
  [program = "", ...words]: readonly string[],
  given: ConnectionFlags,
): ConnectionFlags {
  const flags = PROGRAMS[basename(program)] ?? {};
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  const said: Partial<Record<Known, string>> = {};
  for (const [at, word] of own.entries()) {
    const [name = "", ...value] = word.split("=");
    const key = flags[name];
    const next = value.length > 0 ? value.join("=") : own[at + 1];
    if (key !== undefined && next !== undefined) said[key] = next;
  }
  return {
    ...given,
    kubeconfig: given.kubeconfig ?? said.kubeconfig,
    context: given.context ?? said.context,
    cluster: given.cluster ?? said.cluster,
    user: given.user ?? said.user,
    server: given.server ?? said.server,
    namespace: given.namespace ?? said.namespace,
  };
}
