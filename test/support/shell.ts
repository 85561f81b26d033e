/** One kubectl, of whatever version, in one namespace. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Kubectl, type KubectlResult, runKubectl, spawnKubectl } from "#controlplane/kubectl.ts";

/** What a command is given besides its arguments. */
export interface Given {
  /** Goes to its standard input, as JSON where it is an object. */
  input?: object | string;
  env?: Record<string, string>;
  kubeconfig?: string;
}

export interface Shell {
  kubectl(command: string, given?: Given): Promise<KubectlResult>;
  /** What it prints; throws unless it exits with 0. */
  must(command: string, given?: Given): Promise<string>;
  /** What it says on standard error; throws unless it fails. */
  fails(command: string, given?: Given): Promise<string>;
  spawn(command: string): ReturnType<typeof spawnKubectl>;
  /** Path of an executable file with this text. */
  script(text: string): Promise<string>;
  close(): Promise<void>;
}

/** Commands are split at spaces; a part within single quotes is one word. */
export async function shellOf(program: string, kubeconfig: string, namespace: string): Promise<Shell> {
  const directory = await mkdtemp(join(tmpdir(), "hoop-kubectl-"));
  const kubectl: Kubectl = { program, kubeconfig, cacheDirectory: join(directory, "cache") };
  const run = (command: string, { input, ...given }: Given = {}) =>
    runKubectl(kubectl, argumentsOf(command, namespace), {
      ...given,
      ...(input === undefined ? {} : { input: typeof input === "string" ? input : JSON.stringify(input) }),
    });
  return {
    kubectl: run,
    async must(command, given) {
      const { code, stdout, stderr } = await run(command, given);
      if (code !== 0) throw new Error(`kubectl ${command}: ${code} ${stderr}${stdout}`);
      return stdout;
    },
    async fails(command, given) {
      const { code, stdout, stderr } = await run(command, given);
      if (code === 0) throw new Error(`kubectl ${command} did not fail: ${stdout}`);
      return stderr;
    },
    spawn: (command) => spawnKubectl(kubectl, argumentsOf(command, namespace)),
    async script(text) {
      const path = join(directory, "script");
      await writeFile(path, text, { mode: 0o700 });
      return path;
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

function argumentsOf(command: string, namespace: string): string[] {
  const words = command.match(/'[^']*'|[^ ']+(?:'[^']*')?/g) ?? [];
  return [...words.map((word) => word.replaceAll("'", "")), `--namespace=${namespace}`];
}
