/** The command line of `npm start` and `npm stop`. */
import { parseArgs } from "node:util";

export interface StartOptions {
  state: string;
  mode: "foreground" | "detach" | "status" | "help";
  /** An API server that already runs on this host. */
  kubeconfig?: string;
}

export const START_HELP = `npm start [-- OPTIONS]

Brings up Hoop on this machine: a real Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager and
one kwok node), Hoop in its request flow, and kubeconfigs for a person, an agent and an approver. Prints a tour,
then shows holds and decisions until Ctrl-C, which stops everything. The data stays for the next start.

  --detach            return when it is ready and leave it running; npm stop ends it
  --status            say what runs, and stop nothing
  --state DIR         where everything is kept (default .hoop); each directory is an installation of its own
  --kubeconfig FILE   run Hoop against an API server that already runs on this host instead
  --help              this text
`;

/** Throws an error with the reason for a command line it does not know. */
export function startOptions(args: readonly string[]): StartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      detach: { type: "boolean", default: false },
      status: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      state: { type: "string", default: ".hoop" },
      kubeconfig: { type: "string" },
    },
  });
  const mode = values.help ? "help" : values.status ? "status" : values.detach ? "detach" : "foreground";
  const { state, kubeconfig } = values;
  return { state, mode, ...(kubeconfig === undefined ? {} : { kubeconfig }) };
}
