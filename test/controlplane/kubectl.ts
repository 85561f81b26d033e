import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** How one kubectl is run. */
export interface KubectlOptions {
  /** Path; the administrator's by default. */
  readonly kubeconfig?: string;
  /** Its standard input, which otherwise is empty. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. */
  readonly timeout?: number;
}

/** How it ended. `code` is 124 after a timeout, 128 when another signal ended it. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real kubectl, with a cache of its own and without the user's preferences. */
export interface Kubectl {
  readonly program: string;
  readonly kubeconfig: string;
  readonly cacheDirectory: string;
}

/** Most end long before they have used this much, so that collecting garbage is a fifth of their work for nothing. */
const HASTE = { GOGC: "off", GOMEMLIMIT: "256MiB" };

/** Starts kubectl and leaves it to the caller. */
export const spawnKubectl = (
  kubectl: Kubectl,
  args: readonly string[],
  options: Pick<KubectlOptions, "kubeconfig" | "env"> = {},
): ChildProcessWithoutNullStreams =>
  spawn(kubectl.program, [...args], {
    stdio: "pipe",
    env: {
      ...process.env,
      KUBECONFIG: options.kubeconfig ?? kubectl.kubeconfig,
      // Discovery is cached by host and port, and another control plane may have had this port before.
      KUBECACHEDIR: kubectl.cacheDirectory,
      KUBERC: "off",
      ...HASTE,
      ...options.env,
    },
  });

/** Runs kubectl to its end. Rejects only when it cannot be started. */
export const runKubectl = async (
  kubectl: Kubectl,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<KubectlResult> => {
  const child = spawnKubectl(kubectl, args, options);
  // A kubectl that ends without having read its input is no error of ours.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let timedOut = false;
  const timer =
    options.timeout === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          child.kill("SIGKILL");
        }, options.timeout);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  try {
    const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code: timedOut ? 124 : (code ?? 128), stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
};
