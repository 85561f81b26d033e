/** The command lines of `npm start` and `npm stop`. */
import { parseArgs } from "node:util";

export interface StartOptions {
  state: string;
  mode: "foreground" | "detach" | "status" | "help";
  /** An API server that already runs on this host. */
  kubeconfig?: string;
}

export interface StopOptions {
  state: string;
  mode: "stop" | "help";
}

export const START_HELP = `npm start [-- OPTIONS]

Brings up Hoop on this machine: a real Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager and
one kwok node), Hoop in its request flow, and kubeconfigs for a person, an agent, an approver and an auditor. Prints a
tour, then shows holds and decisions until Ctrl-C, which stops everything. The data stays for the next start.

  --detach            return when it is ready and leave it running; npm stop ends it
  --status            say what runs, and start nothing; exit code 0: all of it, 3: not all
  --state DIR         where everything is kept (default .hoop); each directory is an installation of its own
  --kubeconfig FILE   run Hoop against an API server that already runs on this host instead
  --help              this text
`;

export const STOP_HELP = `npm stop [-- OPTIONS]

Ends what npm start left running. The data stays for the next start.

  --state DIR         the installation to end (default .hoop)
  --help              this text
`;

const STATE = { type: "string", default: ".hoop" } as const;
const HELP = { type: "boolean", short: "h", default: false } as const;

/** Throws an error with the reason for a command line it does not know. */
export function startOptions(args: readonly string[]): StartOptions {
  const flag = { type: "boolean", default: false } as const;
  const options = {
    detach: flag,
    status: flag,
    help: HELP,
    state: STATE,
    kubeconfig: { type: "string" },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const mode = values.help ? "help" : values.status ? "status" : values.detach ? "detach" : "foreground";
  const { state, kubeconfig } = values;
  return {
    state: named(state),
    mode,
    ...(kubeconfig === undefined ? {} : { kubeconfig: named(kubeconfig) }),
  };
}

/** As {@link startOptions}. */
export function stopOptions(args: readonly string[]): StopOptions {
  const { values } = parseArgs({ args: [...args], options: { help: HELP, state: STATE } });
  return { state: named(values.state), mode: values.help ? "help" : "stop" };
}

/** `--state "$UNSET"` shall not mean this very directory. */
function named(path: string): string {
  if (path === "") throw new Error("an option is given an empty path");
  return path;
}
